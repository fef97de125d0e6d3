// What a session does with the parameters of MAIL and RCPT.
#include "talk.h"

using namespace postern;
using namespace postern::smtpd;

TEST_CASE("an address that is not ASCII is taken when MAIL said SMTPUTF8") {
    Talk talk;
    talk.script(R"(
        S: 220 *
        C: HELO c
        S: 250 *
        C: MAIL FROM:<bjørn@example.net>
        S: 553 5.6.7 *
        C: MAIL FROM:<bob@bücher.example>
        S: 553 5.6.7 *
        C: MAIL FROM:<bob@example.net>
        S: 250 *
        C: RCPT TO:<pär@example.org>
        S: 553 5.6.7 *
        C: RCPT TO:<ann@example.org>
        S: 250 *
        C: RSET
        S: 250 *
        C: MAIL FROM:<bjørn@bücher.example> SMTPUTF8
        S: 250 *
        C: RCPT TO:<pär@example.org>
        S: 250 *
        C: DATA
        S: 354 *
        C: Subject: Grüße
        C:
        C: ü
        C: .
        S: 250 *
    )");
    REQUIRE(talk.submitted.size() == 1);
    const ipc::Envelope& envelope = talk.submitted[0].envelope;
    CHECK(envelope.extensions.smtputf8);
    CHECK(envelope.reverse_path.view() == "bjørn@xn--bcher-kva.example");
    CHECK(envelope.recipients.items.at(0).forward_path.view() == "pär@example.org");
    CHECK(envelope.trace_head.view().find("with UTF8SMTP id") != std::string::npos);
    CHECK(envelope.trace_tail.view().find("for <pär@example.org>") != std::string::npos);
    CHECK(talk.submitted[0].body.view() == "Subject: Grüße\r\n\r\nü\r\n");
}

TEST_CASE("SMTPUTF8 ends with its transaction") {
    Talk talk;
    talk.script(R"(
        S: 220 *
        C: HELO c
        S: 250 *
        C: MAIL FROM:<> SMTPUTF8
        S: 250 *
        C: RSET
        S: 250 *
        C: MAIL FROM:<>
        S: 250 *
        C: RCPT TO:<pär@example.org>
        S: 553 5.6.7 *
        C: RCPT TO:<ann@example.org>
        S: 250 *
        C: DATA
        S: 354 *
        C: .
        S: 250 *
    )");
    CHECK_FALSE(talk.submitted.at(0).envelope.extensions.smtputf8);
}

TEST_CASE("an address in ASCII is the same with and without SMTPUTF8, a domain in both of its forms") {
    for (const std::string_view parameter : {"", " SMTPUTF8"}) {
        Talk talk(submission);
        talk.script(fmt::format("S: 220 *\nC: HELO c\nS: 250 *\nC: STARTTLS\nS: 220 *\nTLS\nC: HELO c\nS: 250 *\n"
                                "C: AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=\nS: 235 *\n"
                                "C: MAIL FROM:<ann@example.org>{}\nS: 250 *\nC: RCPT TO:<ann@example.org>\nS: 250 *\n"
                                "C: RCPT TO:<far@xn--bcher-kva.example>\nS: 250 *\n", parameter));
        talk.script(fmt::format("C: RCPT TO:<far@Bücher.example>\nS: {} *\nC: DATA\nS: 354 *\nC: .\nS: 250 *\n",
                                parameter.empty() ? "553 5.6.7" : "250"));
        CHECK(talk.submitted.at(0).envelope.recipients.size() == 2);
    }
}

TEST_CASE("VRFY asks about an address that is not ASCII with SMTPUTF8 only") {
    Talk talk;
    talk.script("S: 220 *\nC: VRFY pär\nS: 553 5.6.7 *\nC: VRFY pär SMTPUTF8\nS: 252 *\nC: VRFY ann SMTPUTF8\nS: 252 *\n");
}

TEST_CASE("what is no UTF-8, or goes where only ASCII may, is refused") {
    Talk talk;
    talk.script("S: 220 *\nC: EHLO bücher.example\nS: 500 5.5.2 *\nC: HELO c\nS: 250 *\n");
    talk.script("C: MAIL FROM:<b\xF8rn@example.net> SMTPUTF8\nS: 500 5.5.2 *\nC: NOOP ü\nS: 500 5.5.2 *\n");
    talk.script("C: MAIL FROM:<a@\xE2\x84\x80.example> SMTPUTF8\nS: 501 5.1.7 *\n");      // would be a/c
}
