#include "libsasl/plain.h"

#include "libcommon/text.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::sasl;
using namespace std::string_literals;

TEST_CASE("PLAIN has three parts") {
    const auto plain = parse_plain(to_base64("\0ann@example.org\0secret"s));
    REQUIRE(plain);
    CHECK(plain->authorization.empty());
    CHECK(plain->username == "ann@example.org");
    CHECK(plain->password == "secret");
    CHECK(parse_plain(to_base64("bob\0ann\0x"s))->authorization == "bob");
}

TEST_CASE("PLAIN takes nothing else") {
    for (const std::string& decoded : {""s, "\0"s, "\0\0"s, "ann"s, "\0ann"s, "\0ann\0"s, "\0\0secret"s, "\0a\0b\0c"s,
                                       "\0a\0b\0"s, "\0\xFF\0b"s, "\0"s + std::string(321, 'a') + "\0b"s,
                                       "\0a\0"s + std::string(1025, 'p'), std::string(256, 'z') + "\0a\0b"s})
        CHECK_FALSE(parse_plain(to_base64(decoded)));
    for (std::string_view text : {"=", "AGEAYg=", "AGEAYg", "AGEA Yg==", "AGEAYg==\r", "*", "AGEAY!=="})
        CHECK_FALSE(parse_plain(text));
}

TEST_CASE("LOGIN lines are base64 of some text") {
    CHECK(parse_login_line("YW5u", 10) == "ann");
    CHECK_FALSE(parse_login_line("", 10));
    CHECK_FALSE(parse_login_line("YW5u", 2));
    CHECK_FALSE(parse_login_line(to_base64("a\0b"s), 10));
    CHECK_FALSE(parse_login_line("%%%%", 10));
}
