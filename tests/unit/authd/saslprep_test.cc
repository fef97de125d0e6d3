#include "authd/saslprep.h"

#include <catch2/catch.hpp>

using namespace postern::authd;

TEST_CASE("SASLprep as in the examples of RFC 4013 section 3") {
    struct Case { std::string_view in; std::optional<std::string_view> out; };
    const Case cases[] = {
        {"I\xC2\xADX", "IX"},                      // a soft hyphen maps to nothing
        {"user", "user"},
        {"USER", "USER"},                          // case is kept
        {"\xC2\xAA", "a"},                         // NFKC
        {"\xE2\x85\xA8", "IX"},
        {"\x07", std::nullopt},                    // prohibited
        {"\xD8\xA7\x31", std::nullopt},            // mixed directions
        {"e\xCC\x81", "\xC3\xA9"},                 // composed
        {"a\xC2\xA0z", "a z"},                     // a no-break space is a space
        {"p\xC3\xA4ss w\xC3\xB6rd", "p\xC3\xA4ss w\xC3\xB6rd"},
        {"", std::nullopt},
        {"\xC2\xAD", std::nullopt},                // nothing is left
        {"\xFF", std::nullopt},
        {std::string_view("a\0b", 3), std::nullopt},
        {"\xEE\x80\x80", std::nullopt},            // private use
    };
    for (const Case& c : cases)
        for (PrepFor use : {PrepFor::stored, PrepFor::query}) {
            INFO(c.in);
            const auto out = saslprep(c.in, use);
            CHECK(out.has_value() == c.out.has_value());
            if (out && c.out) CHECK(*out == *c.out);
        }
}

TEST_CASE("A code point Unicode 3.2 had not assigned may be asked with, not stored") {
    constexpr std::string_view capital_sharp_s = "\xE1\xBA\x9E";   // Unicode 5.1
    CHECK_FALSE(saslprep(capital_sharp_s, PrepFor::stored));
    CHECK(saslprep(capital_sharp_s, PrepFor::query) == capital_sharp_s);
}
