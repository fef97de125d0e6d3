#include "apid/http/response.h"

#include <catch2/catch.hpp>

using namespace postern::http;

TEST_CASE("A response has its date, its length and what it must not do") {
    const Response response{.status = 200, .content_type = "text/plain", .body = "hi", .headers = {{"Allow", "GET"}}};
    CHECK(to_bytes(response, false, true, 784111777) ==
          "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n"
          "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nAllow: GET\r\n\r\nhi");
    CHECK(to_bytes(response, true, false, 0).ends_with("Content-Length: 2\r\nCache-Control: no-store\r\n"
                                                       "X-Content-Type-Options: nosniff\r\nAllow: GET\r\n"
                                                       "Connection: close\r\n\r\n"));
    const std::string empty = to_bytes({.status = 204, .content_type = {}, .body = {}, .headers = {}}, false, true, 0);
    CHECK(empty.find("Content-Length") == std::string::npos);
}

TEST_CASE("A problem says what it is, RFC 9457") {
    const auto response = problem(404, "no \"such\" thing");
    CHECK(response.status == 404);
    CHECK(response.content_type == "application/problem+json");
    CHECK(response.body == "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
                           "\"detail\":\"no \\\"such\\\" thing\"}\n");
}
