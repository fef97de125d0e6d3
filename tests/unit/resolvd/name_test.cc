#include "resolvd/name.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::dns;

namespace {

std::string repeated(std::string_view part, unsigned times) {
    std::string text;
    while (times-- != 0) text += part;
    return text;
}

} // namespace

TEST_CASE("what is a name, and how it is written") {
    const std::string label63(63, 'a'), name253 = repeated(std::string(49, 'b') + ".", 5) + "abc";
    struct Case { std::string_view written; std::optional<std::string> expect; };
    const Case cases[] = {
        {"example.org", "example.org"},
        {"EXAMPLE.Org.", "example.org"},
        {"", ""},                                    // the root
        {".", ""},
        {"..", std::nullopt},
        {".example.org", std::nullopt},
        {"a..b", std::nullopt},
        {"_25._tcp.mx.example", "_25._tcp.mx.example"},
        {"0/25.2.0.192.in-addr.arpa", "0/25.2.0.192.in-addr.arpa"},      // RFC 2317 section 4
        {"a b", std::nullopt},
        {"a\tb", std::nullopt},
        {"a\\.b", std::nullopt},
        {"\xc3\xa4.example", std::nullopt},          // an A-label is wanted
        {label63, label63},
        {"aa", "aa"},
        {name253, name253},
    };
    for (const Case& c : cases) {
        INFO(c.written);
        CHECK(normal_name(c.written) == c.expect);
    }
    CHECK_FALSE(normal_name(label63 + "a"));
    CHECK(name253.size() == 253);
    CHECK_FALSE(normal_name(name253 + "d"));
    CHECK_FALSE(normal_name(std::string("a\0b", 3)));
}

TEST_CASE("names as bytes and back") {
    for (const std::string_view name : {"", "a", "example.org", "_25._tcp.mx.example"}) {
        INFO(name);
        CHECK(wire_name(name).size() == (name.empty() ? 1 : name.size() + 2));
        CHECK(text_name(wire_name(name)) == std::string(name));
    }
    const std::string longest = repeated(std::string(49, 'b') + ".", 5) + "abc";
    CHECK(wire_name(longest).size() == 255);
    const unsigned char dice[] = {0xff, 0xff};
    CHECK(wire_name("ab1.c", dice) == std::string("\3AB1\1C\0", 7));
    CHECK(text_name(wire_name("ab1.c", dice)) == "ab1.c");
}

TEST_CASE("bytes that are no name") {
    const std::string_view cases[] = {
        {"", 0},
        {"\3abc", 4},              // no end
        {"\3ab\0", 4},             // runs over it
        {"\3abc\0\0", 6},          // goes on behind it
        {"\3a.c\0", 5},            // a dot within a label
        {"\3a c\0", 5},
        {"\3a\\c\0", 5},
        {"\1\xe4\0", 3},
        {"\xc0\x0c\0", 3},         // a pointer: of no use alone
    };
    for (const std::string_view bytes : cases) CHECK_FALSE(text_name(bytes));
    CHECK(text_name(std::string_view("\0", 1)) == "");
}
