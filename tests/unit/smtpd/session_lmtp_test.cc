// RFC 2033: a client of this host, and an answer for each recipient.
#include "talk.h"

using namespace postern;
using namespace postern::smtpd;

namespace {

constexpr std::string_view hello = "S: 220 *\nC: LHLO client.example\nS: 250-*\nS: 250-*\nS: 250-*\nS: 250-*\nS: 250-*\nS: 250-*\n"
                                   "S: 250-*\nS: 250-*\nS: 250-*\nS: 250-*\nS: 250 HELP\n";

} // namespace

TEST_CASE("LMTP answers a message once for each recipient that it accepted") {
    Talk talk(lmtp, {}, false);
    talk.script(R"(
        S: 220 mx.example.org LMTP Postern
        C: EHLO client.example
        S: 500 5.5.1 This is LMTP: say LHLO
        C: HELO client.example
        S: 500 5.5.1 This is LMTP: say LHLO
        C: MAIL FROM:<bob@example.net>
        S: 503 5.5.1 *
        C: LHLO client.example
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
        S: 250 HELP
        C: AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=
        S: 503 5.5.1 *
        C: STARTTLS
        S: 454 4.7.0 *
        C: MAIL FROM:<bob@example.net>
        S: 250 2.1.0 Sender OK
        C: RCPT TO:<ann@example.org>
        S: 250 2.1.5 Recipient OK
        C: RCPT TO:<nobody@example.org>
        S: 550 5.1.1 No such mailbox here
        C: RCPT TO:<far@elsewhere.example>
        S: 550 5.7.1 *
        C: RCPT TO:<ben@example.org>
        S: 250 2.1.5 Recipient OK
        C: RCPT TO:<ann@example.org>
        S: 250 2.1.5 Recipient OK
        C: DATA
        S: 354 *
        C: hello
        C: .
        S: 250 2.0.0 <ann@example.org> Queued as *
        S: 250 2.0.0 <ben@example.org> Queued as *
        S: 250 2.0.0 <ann@example.org> Queued as *
        C: MAIL FROM:<>
        S: 250 2.1.0 Sender OK
        C: RCPT TO:<ben@example.org>
        S: 250 2.1.5 Recipient OK
        C: DATA
        S: 354 *
        C: again
        C: .
        S: 250 2.0.0 <ben@example.org> Queued as *
    )");
    REQUIRE(talk.submitted.size() == 2);
    CHECK(talk.submitted[0].envelope.recipients.size() == 2);
    CHECK(talk.submitted[0].envelope.trace_head.view().find("with LMTP id") != std::string::npos);
}

TEST_CASE("LMTP without a recipient has no message") {
    Talk talk(lmtp, {}, false);
    talk.script(std::string(hello) + R"(
        C: MAIL FROM:<bob@example.net>
        S: 250 *
        C: DATA
        S: 503 5.5.1 No valid recipients
        C: RCPT TO:<nobody@example.org>
        S: 550 *
        C: DATA
        S: 503 5.5.1 No valid recipients
    )");
}

TEST_CASE("LMTP answers chunks once, and the last one for each recipient") {
    Talk talk(lmtp, {}, false);
    const std::string begin = R"(
        C: MAIL FROM:<bob@example.net>
        S: 250 *
        C: RCPT TO:<ann@example.org>
        S: 250 *
        C: RCPT TO:<ben@example.org>
        S: 250 *
)";
    talk.script(std::string(hello) + begin + R"(
        C- BDAT 7\r\nhello\r\n
        S: 250 2.0.0 Chunk taken
        C- BDAT 5 LAST\r\nall\r\n
        S: 250 2.0.0 <ann@example.org> Queued as *
        S: 250 2.0.0 <ben@example.org> Queued as *
    )");
    talk.script(begin + R"(
        C- BDAT 3\r\na\nb
        S: 550 5.6.0 *
    )");
    talk.script(begin + R"(
        C- BDAT 3 LAST\r\na\nb
        S: 550 5.6.0 <ann@example.org> Message has a bare <LF>: *
        S: 550 5.6.0 <ben@example.org> Message has a bare <LF>: *
    )");
}

TEST_CASE("LMTP refuses a message for each recipient") {
    const std::string begin = std::string(hello) + R"(
        C: MAIL FROM:<bob@example.net>
        S: 250 *
        C: RCPT TO:<ann@example.org>
        S: 250 *
        C: RCPT TO:<ben@example.org>
        S: 250 *
        C: DATA
        S: 354 *
)";
    Talk full(lmtp, {}, false);
    full.submit_status = ipc::SubmitStatus::no_space;
    full.script(begin + R"(
        C: hello
        C: .
        S: 452 4.3.1 <ann@example.org> *
        S: 452 4.3.1 <ben@example.org> *
        C: NOOP
        S: 250 *
    )");
    Talk bare(lmtp, {}, false);
    bare.script(begin + R"(
        C- one\ntwo\r\n.\r\n
        S: 550 5.6.0 <ann@example.org> *
        S: 550 5.6.0 <ben@example.org> *
    )");
    CHECK(bare.closed());
}

TEST_CASE("a program of this host is not hung up on for what it delivers") {
    Limits limits;
    limits.errors = limits.junk_commands = 3;
    Talk talk(lmtp, limits, false);
    std::string many = std::string(hello) + "C: MAIL FROM:<bob@example.net>\nS: 250 *\n";
    for (int i = 0; i < 10; ++i) many += "C: RCPT TO:<nobody@example.org>\nS: 550 *\nC: NOOP\nS: 250 *\n";
    talk.script(many);
    CHECK_FALSE(talk.closed());
}

TEST_CASE("LHLO is not SMTP") {
    Talk talk;
    talk.script("S: 220 *\nC: LHLO client.example\nS: 500 5.5.1 This is SMTP: say EHLO\n");
}

TEST_CASE("LMTP refuses a message for those alone whom it does not fit") {
    Talk talk(lmtp, {}, false);
    talk.script(std::string(hello) + R"(
        C: MAIL FROM:<bob@example.net>
        S: 250 *
        C: RCPT TO:<tight@example.org>
        S: 250 *
        C: RCPT TO:<ann@example.org>
        S: 250 *
        C: RCPT TO:<ruled@example.org>
        S: 250 *
        C: DATA
        S: 354 *
        C: Subject: longer than fifty octets, which two of them do not take
        C:
        C: x
        C: .
        S: 552 5.2.2 <tight@example.org> Mailbox is full
        S: 250 2.0.0 <ann@example.org> Queued as *
        S: 552 5.2.3 <ruled@example.org> *
        C: MAIL FROM:<bob@example.net>
        S: 250 *
        C: RCPT TO:<tight@example.org>
        S: 250 *
        C: DATA
        S: 354 *
        C: Subject: longer than fifty octets, which nobody is left for
        C:
        C: x
        C: .
        S: 552 5.2.2 <tight@example.org> Mailbox is full
        C: QUIT
        S: 221 *
    )");
    REQUIRE(talk.submitted.size() == 1);
    REQUIRE(talk.submitted[0].envelope.recipients.size() == 1);
    CHECK(talk.submitted[0].envelope.recipients.items[0].forward_path.view() == "ann@example.org");
}
