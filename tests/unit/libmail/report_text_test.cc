#include "libmail/delivery_status.h"
#include "libmail/field_writer.h"
#include "libmail/transfer.h"

#include <catch2/catch.hpp>

using namespace postern::mail;

namespace {

std::string written(std::string_view value, Wording wording = Wording::ascii) {
    std::string out;
    FieldWriter(out, wording).field("Name", value);
    return out;
}

} // namespace

TEST_CASE("a field's value stays in its field") {
    CHECK(written("plain") == "Name: plain\r\n");
    CHECK(written("") == "");
    CHECK(written(" \r\n ") == "");
    CHECK(written("a\r\nBcc: b\r\n\r\nbody") == "Name: a  Bcc: b    body\r\n");
    CHECK(written(std::string_view("a\0b\x7F\x1B", 5)) == "Name: a b\r\n");
    CHECK(written("caf\xC3\xA9") == "Name: caf??\r\n");
    CHECK(written("caf\xC3\xA9", Wording::utf8) == "Name: caf\xC3\xA9\r\n");
    CHECK(written("caf\xE9", Wording::utf8) == "Name: caf?\r\n");
}

TEST_CASE("a field is folded at blanks, and a word that fits nowhere is cut") {
    const std::string word(40, 'w');
    CHECK(written(word + " " + word) == "Name: " + word + "\r\n " + word + "\r\n");
    const std::string longer(1000, 'l');
    CHECK(written(longer) == "Name: " + longer.substr(0, 900) + "\r\n " + longer.substr(900) + "\r\n");
    std::string wide = "x";                              // so that a cut after 900 octets would be within a character
    for (int i = 0; i < 500; ++i) wide += "\xC3\xA9";
    CHECK(written(wide, Wording::utf8) == "Name: " + wide.substr(0, 899) + "\r\n " + wide.substr(899) + "\r\n");
}

TEST_CASE("addresses in delivery status name their type") {
    CHECK(typed_address("ann@example.org", Wording::ascii) == "rfc822; ann@example.org");
    CHECK(typed_address("\xC3\xA4+n@example.org", Wording::utf8) == "utf-8; \xC3\xA4+n@example.org");
    // RFC 6533 section 3: what xtext is made with is written as code points too.
    CHECK(typed_address("\xC3\xA4+=\\\xE2\x82\xAC\xF0\x9F\x98\x80@x", Wording::ascii) ==
          "utf-8; \\x{E4}\\x{2B}\\x{3D}\\x{5C}\\x{20AC}\\x{1F600}@x");
    CHECK(typed_address("caf\xE9@x", Wording::ascii) == "rfc822; caf\xE9@x");   // what may not be there goes when it is written
}

TEST_CASE("the fields of one recipient") {
    StatusOfRecipient r{.original = "utf-8;\xC3\xA4@x", .final_address = "b@y", .action = "delayed", .status = "4.0.0",
                        .remote_mta = {}, .diagnostic = "no answer", .last_attempt = 60, .retry_until = 120};
    CHECK(status_fields(r, Wording::ascii) == "Original-Recipient: utf-8; \\x{E4}@x\r\nFinal-Recipient: rfc822; b@y\r\nAction: delayed\r\n"
                                              "Status: 4.0.0\r\nDiagnostic-Code: x-postern; no answer\r\n"
                                              "Last-Attempt-Date: Thu, 01 Jan 1970 00:01:00 +0000\r\n"
                                              "Will-Retry-Until: Thu, 01 Jan 1970 00:02:00 +0000\r\n");
    CHECK(brief_status_fields(r, Wording::ascii) == "Final-Recipient: rfc822; b@y\r\nAction: delayed\r\nStatus: 4.0.0\r\n");
    r.original = "no type";
    CHECK(status_fields(r, Wording::ascii).starts_with("Final-Recipient"));
}

TEST_CASE("quoted-printable is what its decoder understands, in lines of 76") {
    struct Case { std::string_view bytes, encoded; };
    constexpr Case cases[] = {
        {"plain = text\r\n", "plain =3D text\r\n"},
        {"caf\xC3\xA9", "caf=C3=A9"},
        {"blank \r\ntab\t", "blank=20\r\ntab=09"},
        {"bare\rand\nends", "bare=0Dand=0Aends"},
        {{"\0", 1}, "=00"},
    };
    for (const Case& c : cases) {
        INFO(c.encoded);
        CHECK(encode_quoted_printable(c.bytes) == c.encoded);
        CHECK(decode_quoted_printable(c.encoded) == c.bytes);
    }
    const std::string longer(200, 'x');
    CHECK(encode_quoted_printable(longer) == longer.substr(0, 75) + "=\r\n" + longer.substr(0, 75) + "=\r\n" + longer.substr(0, 50));
    std::string wide;
    for (int i = 0; i < 100; ++i) wide += "\xFF";
    CHECK(encode_quoted_printable(wide).find("=\r\n") == 75);
    CHECK(decode_quoted_printable(encode_quoted_printable(wide)) == wide);
}
