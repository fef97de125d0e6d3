#include "libcommon/json.h"

#include <catch2/catch.hpp>

using namespace postern;

namespace {

std::string round_trip(std::string_view text) {
    auto value = json::parse(text);
    return value ? value->dump() : "error: " + value.error().message();
}

struct Case { std::string_view text, expect; };
constexpr Case cases[] = {
    {"null", "null"},
    {" [1, -2, 3.5, true, \"x\"] ", "[1,-2,3.5,true,\"x\"]"},
    {"{\"b\":1,\"a\":{}}", "{\"b\":1,\"a\":{}}"},                 // the order is kept
    {"18446744073709551615", "18446744073709551615"},
    {"\"\\u00e9\\n\\u0001\\\"\"", "\"\u00e9\\n\\u0001\\\"\""},
    {"[]", "[]"},
    {"", "error: not JSON at byte 1"},
    {"{\"a\":1,\"a\":2}", "error: member named twice: a"},
    {"{\"a\":1,}", "error: not JSON at byte 8"},
    {"[1] x", "error: not JSON at byte 5"},
    {"\"\xff\"", "error: not JSON at byte 2"},
    {"// no\n1", "error: not JSON at byte 1"},
};

} // namespace

TEST_CASE("JSON texts") {
    for (const Case& c : cases) {
        INFO(c.text);
        CHECK(round_trip(c.text) == c.expect);
    }
}

TEST_CASE("JSON nests 32 levels and no more") {
    CHECK(json::parse(std::string(32, '[') + std::string(32, ']')).ok());
    CHECK_FALSE(json::parse(std::string(33, '[') + std::string(33, ']')).ok());
    CHECK_FALSE(json::parse(std::string(100'000, '[')).ok());
}

TEST_CASE("JSON values are asked for by type") {
    const auto value = json::parse(R"({"n":5,"m":-5,"f":true,"t":"x","x":1.5})");
    CHECK((*value)["n"].number() == std::uint64_t{5});
    CHECK((*value)["m"].number() == std::nullopt);
    CHECK((*value)["m"].integer() == std::int64_t{-5});
    CHECK((*value)["x"].number() == std::nullopt);
    CHECK(*(*value)["f"].flag());
    CHECK(*(*value)["t"].text() == "x");
    CHECK((*value)["none"].is_null());
    CHECK((*value)["t"]["deeper"].is_null());
}

TEST_CASE("Bytes that are not UTF-8 never leave as JSON") {
    CHECK(json::Value("a\xff").dump() == "\"a\\\\xff\"");
    CHECK(json::Value(json::Object{{"k", json::Value(json::Array{1, nullptr})}}).dump(true) ==
          "{\n  \"k\": [\n    1,\n    null\n  ]\n}");
}
