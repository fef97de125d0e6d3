#include "apid/http/request_parser.h"

#include <catch2/catch.hpp>
#include <fmt/core.h>

using namespace postern::http;

namespace {

// Every request in the bytes, then "incomplete" or the refusal: "GET /a | 2:hi" per request.
std::string describe(std::string_view bytes, std::size_t chunk, Limits limits = {}) {
    RequestParser parser(limits);
    std::string out;
    while (!bytes.empty()) {
        std::size_t taken = 0;
        const auto state = parser.feed(bytes.substr(0, chunk), taken);
        bytes.remove_prefix(taken);
        if (state == RequestParser::State::refused) return out + fmt::format("{}", parser.refusal().status);
        if (state == RequestParser::State::complete) {
            const Request request = parser.take();
            out += fmt::format("{} {}{}", request.method, request.path, request.keep_alive ? "" : " close");
            if (!request.body.empty()) out += fmt::format(" {}:{}", request.body.size(), request.body);
            out += "; ";
        }
    }
    return out + (parser.in_request() ? "incomplete" : "end");
}

struct Case { std::string_view bytes, expect; };
constexpr Case cases[] = {
    {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET /; end"},
    {"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "GET /; end"},                          // RFC 9112 section 2.2
    {"\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
    {"\n\nGET / HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
    {"GET / HTTP/1.0\r\n\r\n", "GET / close; end"},
    {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET / close; end"},
    {"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a; GET /b; end"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhiGET /b HTTP/1.1\r\nHost: x\r\n\r\n", "POST /p 2:hi; GET /b; end"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "POST /p; end"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\nyou\r\n0\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n",
     "POST /p 5:hiyou; GET /b; end"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;ext=1\r\nhi\r\n0\r\nTrailer: t\r\n\r\n", "POST /p 2:hi; end"},
    {"PROPFIND /d HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", "PROPFIND /d 4:body; end"},
    {"GET / HTTP/1.1\r\nHo", "incomplete"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhi", "incomplete"},
    // What could be read in two ways is not read at all: RFC 9112 sections 2.2, 5.1, 5.2, 6.3, 11.2.
    {"GET / HTTP/1.1\nHost: x\n\n", "400"},
    {"GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 4\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4, 4\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", "400"},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", "501"},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501"},
    {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
    {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n Host: x\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: x\r\nA\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: x\r\nA: b\x01\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400"},
    {"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
    {"GET /\r\n\r\n", "400"},
    {"GET / HTTP/1.1 \r\nHost: x\r\n\r\n", "400"},
    {"GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
    {"GET /%00?a=%zz HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
    {"GET / HTTP/2.0\r\nHost: x\r\n\r\n", "505"},
    {"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", "501"},
    {"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", "400"},
    {"GET / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n", "417"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\nhi\r\n0\r\n\r\n", "400"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhiX\r\n0\r\n\r\n", "400"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\rXhi\r\n0\r\n\r\n", "400"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\rX0\r\n\r\n", "400"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2 \r\nhi\r\n0\r\n\r\n", "400"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n", "400"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nbad trailer\r\n\r\n", "400"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "400"},
    {"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n", "400"},
};

} // namespace

TEST_CASE("HTTP requests, whole and byte by byte") {
    for (const Case& c : cases) {
        INFO(c.bytes);
        CHECK(describe(c.bytes, c.bytes.size()) == c.expect);
        CHECK(describe(c.bytes, 1) == c.expect);
        CHECK(describe(c.bytes, 7) == c.expect);
    }
}

TEST_CASE("Heads and bodies have limits") {
    const Limits limits{.head = 100, .body = 4};
    const std::string head = "POST /p HTTP/1.1\r\nHost: x\r\n";
    CHECK(describe(head + "A: " + std::string(100, 'a') + "\r\n\r\n", 1000, limits) == "431");
    CHECK(describe(head + std::string(200, 'a'), 1, limits) == "431");
    CHECK(describe(head + "Content-Length: 4\r\n\r\nabcd", 1000, limits) == "POST /p 4:abcd; end");
    CHECK(describe(head + "Content-Length: 5\r\n\r\nabcde", 1000, limits) == "413");
    CHECK(describe(head + "Transfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n1\r\ne\r\n", 1000, limits) == "413");
    CHECK(describe("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: x\r\n\r\n", 1000) == "414");
    std::string many = head;
    for (int i = 0; i < 101; ++i) many += "a: b\r\n";
    CHECK(describe(many + "\r\n", 10000) == "431");
}

TEST_CASE("Headers, query and the wish to continue are read") {
    RequestParser parser({});
    const std::string_view head = "PUT /a%20b?x=1&y=%26&z HTTP/1.1\r\nHost: h\r\nX-Thing:  va lue \r\nExpect: 100-Continue\r\n"
                                  "Content-Length: 1\r\n\r\n";
    std::size_t taken = 0;
    CHECK(parser.feed(head, taken) == RequestParser::State::incomplete);
    CHECK(taken == head.size());
    CHECK(parser.wants_continue());
    CHECK_FALSE(parser.wants_continue());
    CHECK(parser.feed("!", taken) == RequestParser::State::complete);
    const Request request = parser.take();
    CHECK(request.path == "/a%20b");
    CHECK(request.header("x-thing") == "va lue");
    CHECK(request.parameter("x") == "1");
    CHECK(request.parameter("y") == "&");
    CHECK(request.parameter("z").empty());
    CHECK(request.body == "!");
}

TEST_CASE("A body that came with its head needs no continue") {
    RequestParser parser({});
    std::size_t taken = 0;
    CHECK(parser.feed("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n!", taken) ==
          RequestParser::State::complete);
    CHECK_FALSE(parser.wants_continue());
}
