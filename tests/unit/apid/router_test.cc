#include "apid/http/router.h"

#include <catch2/catch.hpp>

using namespace postern::http;

namespace {

constexpr RoutePattern patterns[] = {
    {"GET", "/things"}, {"POST", "/things"}, {"POST", "/things/import"}, {"GET", "/things/{name}"},
    {"DELETE", "/things/{name}"}, {"PUT", "/things/{name}/parts/{part}"},
};

std::string route(std::string method, std::string path) {
    Request request;
    request.method = std::move(method);
    request.path = std::move(path);
    NoMatch none;
    const auto found = match(patterns, request, none);
    if (!found) return none.allow.empty() ? "404" : "405 " + none.allow;
    std::string out = std::to_string(found->route);
    for (const auto& parameter : found->parameters) out += " " + parameter;
    return out;
}

} // namespace

TEST_CASE("Requests find their row") {
    CHECK(route("GET", "/things") == "0");
    CHECK(route("HEAD", "/things") == "0");
    CHECK(route("POST", "/things/import") == "2");
    CHECK(route("GET", "/things/import") == "3 import");
    CHECK(route("GET", "/things/a%40b%2Fc") == "3 a@b/c");
    CHECK(route("PUT", "/things/x/parts/y") == "5 x y");
    CHECK(route("GET", "/things/") == "404");
    CHECK(route("GET", "/things/%00") == "404");
    CHECK(route("GET", "/things/%4") == "404");
    CHECK(route("GET", "/other") == "404");
    CHECK(route("GET", "/things/a/b") == "404");
    CHECK(route("PUT", "/things") == "405 GET, POST");
}

TEST_CASE("What is encoded decodes to itself") {
    std::string all;
    for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
    std::string decoded;
    REQUIRE(percent_decode(percent_encode(all), decoded));
    CHECK(decoded == all);
    CHECK(percent_encode("a b@c/~") == "a%20b%40c%2F~");
}
