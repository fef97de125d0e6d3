#include "libcommon/text.h"
#include "libcommon/utf8.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("base64 is strict (RFC 4648 section 4)") {
    const std::pair<std::string, std::string> good[] = {
        {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}};
    for (const auto& [plain, coded] : good) {
        CHECK(to_base64(plain) == coded);
        CHECK(from_base64(coded) == plain);
    }
    for (std::string bad : {"Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm 9v", "Zm9v\n", "Zm9*"}) {
        INFO(bad);
        CHECK_FALSE(from_base64(bad));
    }
}

TEST_CASE("numbers are digits, nothing else, and never wrap") {
    CHECK(parse_number("18446744073709551615") == UINT64_MAX);
    CHECK_FALSE(parse_number("18446744073709551616"));
    CHECK_FALSE(parse_number("18446744073709551617"));
    CHECK_FALSE(parse_number(""));
    CHECK_FALSE(parse_number("+1"));
    CHECK_FALSE(parse_number(" 1"));
    CHECK_FALSE(parse_number("4294967296", UINT32_MAX));
}

TEST_CASE("UTF-8 has no overlong form, no surrogate, no end in the middle") {
    CHECK(is_utf8("pl\xC3\xA4in \xF0\x9F\x93\xA7"));
    for (std::string bad : {"\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xC3", "\x80", "\xFF"}) {
        INFO(to_hex(bad));
        CHECK_FALSE(is_utf8(bad));
    }
}

TEST_CASE("what is shown to people has no control bytes") {
    CHECK(printable("a\r\nb\\") == "a\\x0d\\x0ab\\x5c");
    CHECK(printable("abcdef", 3) == "abc...");
}

TEST_CASE("case is ASCII's only") {
    CHECK(iequals("MAIL", "mail"));
    CHECK_FALSE(iequals("\xC4", "\xE4"));
    CHECK(istarts_with("mail from:", "MAIL"));
    CHECK(trim(" \ta b\t") == "a b");
    CHECK(split("a,,b", ',').size() == 3);
}

TEST_CASE("UTF-8 is the same in pieces, each character of it and what comes near one") {
    const auto in_pieces = [](std::string_view text) {
        Utf8Check check;
        for (const char& octet : text) check.take(std::string_view(&octet, 1));
        return check.take({}) && !check.within();
    };
    for (std::string_view good : {"", "a", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80",
                                  "\xF4\x8F\xBF\xBF", "x\xC3\xA4\xF0\x9F\x93\xA7y"}) {
        CHECK(is_utf8(good));
        CHECK(in_pieces(good));
    }
    for (std::string_view bad : {"\x80", "\xC1\xBF", "\xC2", "\xC2\x41", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82", "\xE2\x82\n", "\xF0\x8F\xBF\xBF",
                                 "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF", "\xC3\xA4\xA4", "\xE4 Latin-1"}) {
        CHECK_FALSE(is_utf8(bad));
        CHECK_FALSE(in_pieces(bad));
    }
}
