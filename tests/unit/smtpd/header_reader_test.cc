#include "smtpd/header_reader.h"

#include <catch2/catch.hpp>

using namespace postern::smtpd;
using namespace std::string_literals;
using Field = HeaderField;

namespace {

struct Outcome {
    std::string message;
    HeaderFacts facts;
    bool operator==(const Outcome&) const = default;
};
Outcome read(HeaderReader::For purpose, std::string_view message, std::size_t piece) {
    HeaderReader reader(purpose, true);
    Outcome outcome;
    for (std::size_t at = 0; at < message.size(); at += piece) {
        const std::size_t before = outcome.message.size();
        outcome.message += message.substr(at, piece);
        if (!reader.ended()) reader.pass(outcome.message, before);
    }
    reader.finish(outcome.message);
    CHECK(reader.ended());
    outcome.facts = reader.facts();
    return outcome;
}

// The same on any cut.
Outcome read(HeaderReader::For purpose, std::string_view message) {
    const Outcome whole = read(purpose, message, message.size() + 1);
    for (std::size_t piece = 1; piece <= std::min<std::size_t>(message.size(), 40); ++piece) {
        INFO(Catch::StringMaker<std::string>::convert(std::string(message)) << " in pieces of " << piece);
        CHECK(read(purpose, message, piece) == whole);
    }
    return whole;
}
HeaderFacts facts(std::string_view message) { return read(HeaderReader::For::relay, message).facts; }
std::string sent_on(std::string_view message) { return read(HeaderReader::For::submission, message).message; }

std::string authors(std::string_view message) {
    std::string text;
    const HeaderFacts facts = read(HeaderReader::For::submission, message).facts;
    for (const Author& author : facts.authors)
        text.append(to_string(author.field)).append("=").append(author.address).append(" ");
    if (facts.unclear) text.append("unclear ").append(to_string(*facts.unclear));
    return text;
}

} // namespace

TEST_CASE("hops are counted in the header only") {
    CHECK(facts("Received: a\r\n\tb\r\nreceived: c\r\nSubject: Received:\r\n\r\nReceived: body\r\n").received == 2);
    CHECK(facts("").received == 0);
    CHECK(facts("Received: no line end").received == 1);
}

TEST_CASE("the Message-ID is the first one of the header, and not endless") {
    CHECK(facts("Subject: x\r\nmessage-id:  <a@b> \r\nMessage-ID: <c@d>\r\n\r\n").message_id == "<a@b>");
    CHECK(facts("Message-ID: <no@line.end>").message_id == "<no@line.end>");
    CHECK(facts("Subject: x\r\n\r\nMessage-ID: <in@body>\r\n").message_id.empty());
    CHECK(facts("Message-ID:\r\n <folded@over>\r\n\r\n").message_id == "<folded@over>");
    CHECK(facts("Message-ID: " + std::string(5000, 'x') + "\r\n\r\n").message_id.size() < 300);
}

TEST_CASE("fields that may come once are told from those that may come often") {
    const HeaderFacts found = facts("FROM: a@b\r\nTo: c@d\r\nfrom : e@f\r\nReceived: x\r\nReceived: y\r\nX: 1\r\nX: 2\r\n\r\nTo: z\r\n");
    for (Field field : {Field::from, Field::to, Field::received}) CHECK(found.seen.has(field));
    CHECK(found.repeated.has(Field::from));
    for (Field field : {Field::to, Field::received, Field::other, Field::subject}) CHECK_FALSE(found.repeated.has(field));
}

TEST_CASE("what is no header field is seen") {
    for (std::string_view good : {"", "\r\nbody", "A: b\r\n", "A:\r\n\r\n", "A: b\r\n c\r\n\td\r\n \r\n\r\n", "A : b\r\n\r\n\xFF\r\n"})
        CHECK_FALSE(facts(good).malformed);
    for (std::string_view bad : {"x", "hello\r\n\r\n", " folded\r\n\r\n", "A: b\r\nno colon\r\n\r\n", ": empty\r\n\r\n", "a b: c\r\n\r\n",
                                 "From a@b Sat Nov 21 08:20:00 2026\r\nA: b\r\n\r\n", "\xC3\xA4: b\r\n\r\n", "A\x01: b\r\n\r\n"})
        CHECK(facts(bad).malformed);
    CHECK(facts(std::string(2000, 'x') + ": y\r\n\r\n").malformed);
}

TEST_CASE("octets beyond ASCII count in the header, not in the body") {
    CHECK(facts("Subject: Gr\xC3\xBC\xC3\x9F\x65\r\n\r\n").eight_bit);
    CHECK(facts("Subject: a\r\n \xE4\r\n\r\n").eight_bit);
    CHECK_FALSE(facts("Subject: a\r\n\r\n\xE4\r\n").eight_bit);
}

TEST_CASE("a header that is not UTF-8 is told from one that is, and from a body that is not") {
    for (std::string_view good : {"", "A: b\r\n\r\n\xFF", "A: \xC3\xA4\r\n\xE2\x82\xAC: \xF0\x9F\x93\xA7\r\n\r\n\xE4\r\n", "A: \xC3\xA4"})
        CHECK_FALSE(facts(good).not_utf8);
    for (std::string_view bad : {"A: \xE4\r\n\r\n", "A: b\r\n \xE2\x82\r\n \xAC\r\n\r\n", "A: \xC3", "\xC3\r\n\r\n", "\xC3", "A: \xED\xA0\x80\r\n\r\n",
                                 "A\xFF: b\r\n\r\n", "A: \xC3\xA4\xA4\r\nB: \xC3\xA4\r\n\r\n"})
        CHECK(facts(bad).not_utf8);
}

TEST_CASE("lines of the header end with CRLF in a binary message, too") {
    for (const std::string& good : {"A: b\r\n\r\nx\ny\rz\0"s, "A: b\r\n c\r\n\r\n\n"s, ""s, "A: b"s}) CHECK_FALSE(facts(good).bare_line_end);
    for (const std::string& bad : {"A: b\nC: d\r\n\r\n"s, "A: b\rC: d\r\n\r\n"s, "A: b\r\n\nx"s, "A: b\r\r\n\r\n"s, "A: \0\r\n\r\n"s, "A: b\r"s, "A: b\n\n"s,
                                   "A: b\r\n\r"s, "\rA: b\r\n\r\n"s})
        CHECK(facts(bad).bare_line_end);
}

TEST_CASE("a submission's Bcc and Resent-Bcc do not go on, with all their lines; nothing else is touched") {
    struct Case { std::string_view in, out; };
    constexpr Case cases[] = {
        {"Bcc: a@b\r\n\r\n", "\r\n"},
        {"bcc : a@b\r\nTo: c@d\r\n\r\nBcc: body\r\n", "To: c@d\r\n\r\nBcc: body\r\n"},
        {"To: c@d\r\nBcc: a@b,\r\n c@d,\r\n\te@f\r\n \r\nSubject: x\r\n", "To: c@d\r\nSubject: x\r\n"},
        {"Resent-Bcc: a@b\r\nBCC: c@d\r\nBcc:\r\nSubject: Bcc: x\r\n Bcc: y\r\n\r\n", "Subject: Bcc: x\r\n Bcc: y\r\n\r\n"},
        {"Subject: x\r\nBcc: a@b", "Subject: x\r\n"},
        {"Subject: x\r\nBcc", "Subject: x\r\nBcc"},
        {"Bccx: a\r\nX-Bcc: a\r\nBc: a\r\n\r\n", "Bccx: a\r\nX-Bcc: a\r\nBc: a\r\n\r\n"},
        {"Bcc: a\r\ngarbage\r\nA: b\r\n\r\n", "garbage\r\nA: b\r\n\r\n"},
    };
    for (const Case& c : cases) {
        INFO(c.in);
        CHECK(sent_on(c.in) == c.out);
        CHECK(read(HeaderReader::For::relay, c.in).message == c.in);
    }
}

TEST_CASE("who a submission says it is from") {
    struct Case { std::string_view message, authors; };
    constexpr Case cases[] = {
        {"From: Ann <ann@Example.ORG>\r\n\r\nFrom: x@y\r\n", "From=ann@example.org "},
        {"From: a@b.org,\r\n \"C\" <c@d.org>\r\nSender: e@f.org\r\n\r\n", "From=a@b.org From=c@d.org Sender=e@f.org "},
        {"Resent-From: a@b.org\r\nResent-From: c@d.org\r\nResent-Sender: e@f.org\r\n\r\n", "Resent-From=a@b.org Resent-From=c@d.org Resent-Sender=e@f.org "},
        {"From: boss@d.org (ann@b.org)\r\n\r\n", "From=boss@d.org "},
        {"From: Bosses: a@b.org, c@d.org;\r\n\r\n", "From=a@b.org From=c@d.org "},
        {"From: \"boss@d.org\" <a@b.org>\r\n\r\n", "From=a@b.org "},
        {"From: =?utf-8?q?boss=40d.org?=@b.org\r\n\r\n", "From==?utf-8?q?boss=40d.org?=@b.org "},
        {"From:\r\n\r\n", "unclear From"},
        {"From: Nobody:;\r\n\r\n", "unclear From"},
        {"From: ann\r\n\r\n", "unclear From"},
        {"From: <a@b.org> <boss@d.org>\r\n\r\n", "From=a@b.org unclear From"},
        {"From: a@b.org\r\nSender: boss\r\n\r\n", "From=a@b.org unclear Sender"},
        {"Reply-To: a@b.org\r\nTo: c@d.org\r\n\r\n", ""},
    };
    for (const Case& c : cases) {
        INFO(c.message);
        CHECK(authors(c.message) == c.authors);
    }
}

// TESTCARD C1. What is kept of it is bounded, and no byte is moved twice.
TEST_CASE("a header of any size keeps nothing but what is wanted") {
    std::string to = "To: x@example.org", bcc = "Bcc: x@example.org";
    for (int i = 0; i < 500'000; ++i) to += ",\r\n user@example.org";
    for (int i = 0; i < 500'000; ++i) bcc += ",\r\n user@example.org";
    std::string from = "From: x@example.org";
    for (int i = 0; i < 500'000; ++i) from += ",\r\n user@example.org";
    const Outcome outcome = read(HeaderReader::For::submission, to + "\r\n" + bcc + "\r\n" + from + "\r\n\r\n", 16384);
    CHECK(outcome.message == to + "\r\n" + from + "\r\n\r\n");
    CHECK(outcome.facts.authors.size() <= 64);
    CHECK(outcome.facts.unclear == Field::from);
}
