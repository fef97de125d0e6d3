#include "libcommon/text.h"
#include "libmail/imap/list_pattern.h"
#include "libmail/imap/modified_utf7.h"
#include "libmail/imap/quote.h"
#include "libmail/imap/sequence_set.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::imap;

TEST_CASE("modified UTF-7, both ways (RFC 3501 section 5.1.3)") {
    const std::pair<std::string, std::string> good[] = {
        {"", ""},
        {"INBOX", "INBOX"},
        {"a b/~c", "a b/~c"},
        {"&-", "&"},
        {"a&-b", "a&b"},
        {"&-&-", "&&"},
        {"Entw&APw-rfe", "Entw\xC3\xBCrfe"},
        {"&U,BTFw-", "\xE5\x8F\xB0\xE5\x8C\x97"},
        {"~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/\xE5\x8F\xB0\xE5\x8C\x97/\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E"},
        {"&2D3cWw-", "\xF0\x9F\x91\x9B"},
        {"&APw-&-", "\xC3\xBC&"},
    };
    for (const auto& [coded, plain] : good) {
        INFO(coded);
        CHECK(from_modified_utf7(coded) == plain);
        CHECK(to_modified_utf7(plain) == coded);
    }
    for (std::string bad : {"&", "a&", "&APw", "&A-", "&AP-", "&APw=-", "&AP/-", "&AGE-", "&AAA-", "&AAo-", "&AC4ALgAv-", "&2AA-",
                            "&3AA-", "&2D0AYQ-", "&APw-&AOQ-", "\xC3\xBC", "a\tb", "&APx-", "& -", "&\x7F-"}) {
        INFO(bad);
        CHECK_FALSE(from_modified_utf7(bad));
    }
    CHECK_FALSE(from_modified_utf7(std::string_view("&A\0-", 4)));
}

TEST_CASE("LIST patterns") {
    const struct { const char* pattern; const char* name; bool matches; } cases[] = {
        {"*", "a/b/c", true},     {"%", "a", true},          {"%", "a/b", false},      {"a/%", "a/b", true},
        {"a/%", "a/b/c", false},  {"a/*", "a/b/c", true},    {"a*", "a", true},        {"%/%", "a/b", true},
        {"%/%", "a", false},      {"*b", "a/b", true},       {"%b", "a/b", false},     {"a", "a", true},
        {"a", "A", false},        {"", "", true},            {"", "a", false},         {"inbox", "INBOX", true},
        {"iNb%", "INBOX", true},  {"inbox/*", "INBOX/x", true}, {"inbox/x", "INBOX/X", false}, {"%*", "a/b", true},
        {"*%", "a/b", true},      {"a%c*e", "abcde", true},  {"a%c", "ab/c", false},   {"*a*b*c*", "xaxbxcx", true},
    };
    for (const auto& c : cases) {
        INFO(c.pattern << " " << c.name);
        CHECK(ListPattern(c.pattern).matches(c.name) == c.matches);
    }
    std::string evil;
    for (int i = 0; i < 200; ++i) evil += "*a%";
    CHECK_FALSE(ListPattern(evil + "b").matches(std::string(1000, 'a')));   // returns, which backtracking would not
}

TEST_CASE("sequence sets resolve to ascending, disjoint ranges") {
    const auto resolve = [](const char* text, std::uint32_t largest) {
        std::string out;
        for (auto r : parse_sequence_set(text)->resolve(largest)) out += (out.empty() ? "" : ",") + std::to_string(r.first) + ":" + std::to_string(r.last);
        return out;
    };
    CHECK(resolve("1", 9) == "1:1");
    CHECK(resolve("5,1:3,2:4", 9) == "1:5");
    CHECK(resolve("7:*", 9) == "7:9");
    CHECK(resolve("12:*", 9) == "9:12");            // RFC 9051: "*" is the last message, whatever stands before it
    CHECK(resolve("*", 9) == "9:9");
    CHECK(resolve("3:1", 9) == "1:3");
    CHECK(resolve("1:4294967295,4294967295", 9) == "1:4294967295");
    CHECK(resolve("1:*", 0) == "");
    CHECK(parse_sequence_set("1,7:3,*")->max_number() == 7);
    CHECK(format_set({}) == "");
    CHECK(format_set({1, 2, 3, 5, 7, 8}) == "1:3,5,7:8");
}

TEST_CASE("strings are quoted where they can be, literals where they must") {
    const auto text = [](std::string_view s) { std::string out; append_string(out, s); return out; };
    const auto name = [](std::string_view s) { std::string out; append_astring(out, s); return out; };
    CHECK(text("") == "\"\"");
    CHECK(text("a\"b\\") == "\"a\\\"b\\\\\"");
    CHECK(text("a\r\nb") == "{4}\r\na\r\nb");
    CHECK(text("\xC3\xA4") == "{2}\r\n\xC3\xA4");
    CHECK(text(std::string_view("a\0b", 3)) == "{3}\r\na?b");
    CHECK(name("INBOX") == "INBOX");
    CHECK(name("a b") == "\"a b\"");
    CHECK(name("") == "\"\"");
    CHECK(name("nil") == "\"nil\"");
    CHECK(name("a*") == "\"a*\"");
}
