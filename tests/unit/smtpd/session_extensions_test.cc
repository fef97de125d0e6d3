// What a session does with the parameters of MAIL and RCPT.
#include "talk.h"

using namespace postern;
using namespace postern::smtpd;

namespace {

constexpr std::string_view logged_in = R"(
    S: 220 *
    C: HELO laptop
    S: 250 *
    C: STARTTLS
    S: 220 *
    TLS
    C: HELO laptop
    S: 250 *
    C: AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=
    S: 235 *
)";

} // namespace

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
        talk.script(logged_in);
        talk.script(fmt::format("C: MAIL FROM:<ann@example.org>{}\nS: 250 *\nC: RCPT TO:<ann@example.org>\nS: 250 *\n"
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

TEST_CASE("what DSN parameters say gets to qmgr, with the recipients they are about") {
    Talk talk;
    talk.script(R"(
        S: 220 *
        C: HELO c
        S: 250 *
        C: MAIL FROM:<bob@example.net> RET=HDRS ENVID=QQ+2B1
        S: 250 *
        C: RCPT TO:<ann@example.org>
        S: 250 *
        C: RCPT TO:<nobody@example.org> NOTIFY=NEVER
        S: 550 *
        C: RCPT TO:<ben@example.org> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Ben+40old.example
        S: 250 *
        C: RCPT TO:<cid@example.org> NOTIFY=NEVER,DELAY
        S: 501 5.5.4 Parameter value is not valid: NOTIFY
        C: RCPT TO:<dan@example.org> ORCPT=utf-8;dän@example.org
        S: 553 5.6.7 *
        C: DATA
        S: 354 *
        C: .
        S: 250 *
    )");
    const ipc::Envelope& envelope = talk.submitted.at(0).envelope;
    CHECK(envelope.recipients.size() == 2);
    CHECK(envelope.extensions.ret == ipc::DsnReturn::headers);
    CHECK(envelope.extensions.envelope_id.view() == "QQ+1");
    REQUIRE(envelope.extensions.recipients.size() == 1);
    const ipc::RecipientDsn& dsn = envelope.extensions.recipients.items[0];
    CHECK(dsn.index == 1);
    CHECK(dsn.notify == (ipc::notify::success | ipc::notify::failure));
    CHECK(dsn.original.view() == "rfc822;Ben@old.example");
    talk.script("C: MAIL FROM:<bob@example.net>\nS: 250 *\nC: RCPT TO:<ann@example.org>\nS: 250 *\nC: DATA\nS: 354 *\nC: .\nS: 250 *\n");
    CHECK(talk.submitted.at(1).envelope.extensions == ipc::Extensions{});
}

TEST_CASE("RCPTs asked about side by side keep what each asked for") {
    Talk talk;
    talk.script("S: 220 *\nC: HELO c\nS: 250 *\nC: MAIL FROM:<>\nS: 250 *\n");
    talk.hold = true;
    talk.send("RCPT TO:<ann@example.org> NOTIFY=NEVER\r\nRCPT TO:<ben@example.org>\r\nRCPT TO:<cid@example.org> NOTIFY=DELAY\r\n");
    REQUIRE(talk.questions.size() == 3);
    talk.hold = false;
    talk.answer_held(2);
    talk.answer_held(0);
    talk.answer_held(0);
    talk.script("S: 250 *\nS: 250 *\nS: 250 *\nC: DATA\nS: 354 *\nC: .\nS: 250 *\n");
    const auto& dsn = talk.submitted.at(0).envelope.extensions.recipients;
    REQUIRE(dsn.size() == 2);
    CHECK(dsn.items[0] == ipc::RecipientDsn{0, ipc::notify::never, {}});
    CHECK(dsn.items[1] == ipc::RecipientDsn{2, ipc::notify::delay, {}});
}

TEST_CASE("REQUIRETLS is offered and taken over TLS only") {
    Talk talk;
    talk.script(R"(
        S: 220 *
        C: HELO c
        S: 250 *
        C: MAIL FROM:<bob@example.net> REQUIRETLS
        S: 530 5.7.10 *
        C: STARTTLS
        S: 220 *
        TLS
        C: HELO c
        S: 250 *
        C: MAIL FROM:<bob@example.net> REQUIRETLS
        S: 250 *
        C: RCPT TO:<ann@example.org>
        S: 250 *
        C: DATA
        S: 354 *
        C: .
        S: 250 *
    )");
    CHECK(talk.submitted.at(0).envelope.extensions.require_tls);
}

TEST_CASE("a user may schedule a message, as far ahead as EHLO says") {
    Limits limits;
    limits.hold = std::chrono::hours(1);
    Talk talk(submission, limits);
    talk.script(logged_in);
    talk.script(R"(
        C: MAIL FROM:<ann@example.org> HOLDFOR=3601
        S: 501 5.5.4 *
        C: MAIL FROM:<ann@example.org> HOLDFOR=0
        S: 501 5.5.4 *
        C: MAIL FROM:<ann@example.org> HOLDUNTIL=2026-11-21T08:19:59Z
        S: 501 5.5.4 *
        C: MAIL FROM:<ann@example.org> HOLDUNTIL=2026-11-21T09:20:01Z
        S: 501 5.5.4 *
        C: MAIL FROM:<ann@example.org> HOLDUNTIL=2026-11-21T09:20:00Z
        S: 250 *
        C: RCPT TO:<far@example.com>
        S: 250 *
        C: DATA
        S: 354 *
        C: .
        S: 250 *
        C: MAIL FROM:<ann@example.org> HOLDFOR=60
        S: 250 *
        C: RCPT TO:<far@example.com>
        S: 250 *
        C: DATA
        S: 354 *
        C: .
        S: 250 *
    )");
    CHECK(talk.submitted.at(0).envelope.extensions.hold_until == Talk::now + 3600);
    CHECK(talk.submitted.at(1).envelope.extensions.hold_until == Talk::now + 60);
}

TEST_CASE("nobody else may schedule, and nobody where it is switched off") {
    Talk world;
    world.script("S: 220 *\nC: HELO c\nS: 250 *\nC: MAIL FROM:<ann@example.org> HOLDFOR=60\nS: 555 5.5.4 *\n");
    Limits limits;
    limits.hold = std::chrono::seconds(0);
    Talk off(submission, limits);
    off.script(logged_in);
    off.script(R"(
        C: EHLO laptop
        S: 250-mx.example.org
        S: 250-PIPELINING
        S: 250-SIZE 26214400
        S: 250-8BITMIME
        S: 250-ENHANCEDSTATUSCODES
        S: 250-CHUNKING
        S: 250-BINARYMIME
        S: 250-SMTPUTF8
        S: 250-DSN
        S: 250-LIMITS RCPTMAX=1000
        S: 250-REQUIRETLS
        S: 250 HELP
        C: MAIL FROM:<ann@example.org> HOLDUNTIL=2026-11-21T09:20:00Z
        S: 555 5.5.4 *
    )");
}

TEST_CASE("LIMITS says how many recipients are taken") {
    Limits limits;
    limits.recipients = 100;
    Talk talk(relay, limits);
    talk.send("EHLO c\r\n");
    CHECK(talk.take_replies().find("250-LIMITS RCPTMAX=100\r\n") != std::string::npos);
    talk.script("C: MAIL FROM:<>\nS: 250 *\n");
    for (int i = 0; i < 100; ++i) talk.script(fmt::format("C: RCPT TO:<u{}@example.org>\nS: 250 *\n", i));
    talk.script("C: RCPT TO:<more@example.org>\nS: 452 4.5.3 *\n");
}
