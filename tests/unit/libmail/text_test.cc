#include "libmail/charset.h"
#include "libmail/encoded_word.h"
#include "libmail/text_match.h"
#include "libmail/transfer.h"

#include <catch2/catch.hpp>

using namespace postern::mail;

TEST_CASE("transfer encodings, broken ones included") {
    CHECK(decode_base64("SGVs\r\nbG8=") == "Hello");
    CHECK(decode_base64("SGVsbG8") == "Hello");
    CHECK(decode_base64("SGVs*bG8=SGk=") == "HelloHi");
    CHECK(decode_quoted_printable("a=3Db=\r\nc=20 \r\n=zz=") == "a=bc  \r\n=zz=");
    CHECK(decode_quoted_printable("a= \t\r\nb=\nc") == "abc");
    CHECK(decode_q("a_b=5F=e4") == "a b_\xE4");
    CHECK(decode_transfer("SGk=", "BASE64") == "Hi");
    CHECK(decode_transfer("SGk=", "8bit") == "SGk=");
}

TEST_CASE("charsets") {
    Charsets charsets;
    CHECK(charsets.to_utf8("ISO-8859-1", "p\xE4") == "p\xC3\xA4");
    CHECK(charsets.to_utf8("utf-8", "p\xC3\xA4") == "p\xC3\xA4");
    CHECK(charsets.to_utf8("shift_jis", "\x93\xFA") == "\xE6\x97\xA5");
    CHECK(charsets.to_utf8("iso-2022-jp", "\x1B$BF|\x1B(B") == "\xE6\x97\xA5");
    CHECK(charsets.to_utf8("utf-16", std::string_view("a", 1)) == "\xEF\xBF\xBD");
    CHECK_FALSE(charsets.to_utf8("x-unknown", "a"));
    CHECK(charsets.knows("US-ASCII"));
    CHECK(charsets.readable("x-unknown", "a\xE4") == "a\xE4");
    CHECK(charsets.to_utf8("iso-8859-1", std::string(10'000, '\xE4'))->size() == 20'000);
}

TEST_CASE("encoded words: RFC 2047") {
    Charsets charsets;
    const std::pair<std::string, std::string> cases[] = {
        {"plain", "plain"},
        {"=?utf-8?q?J=C3=B6rg?= x", "J\xC3\xB6rg x"},
        {"=?ISO-8859-1?B?5A==?=", "\xC3\xA4"},
        {"=?utf-8*en?Q?a_b?=", "a b"},
        {"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"},
        {"=?utf-8?q?a?=\r\n =?utf-8?q?b?=", "ab"},
        {"=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"},
        {"a =?utf-8?q?b?=", "a b"},
        {"=?utf-8?x?b?=", "=?utf-8?x?b?="},
        {"=?utf-8?q?b", "=?utf-8?q?b"},
        {"=?", "=?"},
        {"=?=?=?", "=?=?=?"},
    };
    for (const auto& [text, expect] : cases) {
        INFO(text);
        CHECK(decode_header(text, charsets) == expect);
    }
    std::string many, hostile;
    for (int i = 0; i < 20'000; ++i) many += "=?utf-8?q?a?= ";            // TESTCARD C3
    for (int i = 0; i < 100'000; ++i) hostile += "=?a?q?";
    CHECK(decode_header(many, charsets).size() == 20'001);
    CHECK(decode_header(hostile, charsets).size() == hostile.size());
}

TEST_CASE("matching ignores case and encodings") {
    Charsets charsets;
    CHECK(fold_case("\xC3\x84\xC3\x96 \xCE\xA3\xCF\x82 \xD0\x94\xD0\x81 ABC \xC5\xBD") == "\xC3\xA4\xC3\xB6 \xCF\x83\xCF\x83 \xD0\xB4\xD1\x91 abc \xC5\xBE");
    CHECK(TextMatcher("J\xC3\x96RG").in_header(" =?iso-8859-1?q?J=F6rg?=", charsets));
    CHECK(TextMatcher("").in("anything"));
    CHECK_FALSE(TextMatcher("x").in(""));
    const std::string message =
        "Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npreamble\r\n--b\r\n"
        "Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        "f=FCr dich\r\n--b\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGI+aGlkZGVu\r\n--b\r\n"
        "Content-Type: image/png; name=secret\r\n\r\npixels\r\n--b--\r\n";
    const Structure structure = parse_structure(message);
    CHECK(TextMatcher("F\xC3\x9CR").in_message(structure, false, charsets));
    CHECK(TextMatcher("HIDDEN").in_message(structure, false, charsets));
    CHECK_FALSE(TextMatcher("pixels").in_message(structure, true, charsets));
    CHECK_FALSE(TextMatcher("preamble").in_message(structure, true, charsets));
    CHECK_FALSE(TextMatcher("gr\xC3\xBC").in_message(structure, false, charsets));
    CHECK(TextMatcher("gr\xC3\xBC").in_message(structure, true, charsets));
    CHECK(TextMatcher("secret").in_message(structure, true, charsets));
}
