#include "mailctl/client.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::mailctl;

TEST_CASE("An answer is its status, type and body") {
    const auto reply = parse_reply("HTTP/1.1 404 Not Found\r\nDate: x\r\nContent-Type: application/problem+json\r\n"
                                   "Content-Length: 2\r\n\r\n{}");
    REQUIRE(reply.ok());
    CHECK(reply->status == 404);
    CHECK(reply->content_type == "application/problem+json");
    CHECK(reply->body == "{}");
    CHECK(parse_reply("HTTP/1.1 204 No Content\r\n\r\n")->body.empty());
}

TEST_CASE("What is no answer") {
    for (const char* text : {"", "HTTP/1.1 200 OK\r\n", "SSH-2.0\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
                             "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"}) {
        INFO(text);
        CHECK_FALSE(parse_reply(text).ok());
    }
}

TEST_CASE("Every status has its exit code") {
    CHECK(exit_code_of(204) == exit_ok);
    CHECK(exit_code_of(400) == exit_data);
    CHECK(exit_code_of(404) == exit_not_found);
    CHECK(exit_code_of(409) == exit_exists);
    CHECK(exit_code_of(503) == exit_unavailable);
    CHECK(exit_code_of(500) == exit_software);
}

TEST_CASE("Without a suite the advice says so") {
    Client client("/nonexistent/api.sock");
    try {
        (void)client.get("/api/v1/status");
        FAIL("answered");
    } catch (const Failure& failure) {
        CHECK(failure.code == exit_unavailable);
        CHECK(failure.message.find("is postern running?") != std::string::npos);
    }
}
