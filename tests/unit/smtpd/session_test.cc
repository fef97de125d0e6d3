// Whole conversations as they should be.
#include "talk.h"

#include "libcommon/text.h"

using namespace postern;
using namespace postern::smtpd;

TEST_CASE("a message comes in from the world") {
    Talk talk;
    talk.script(R"(
        S: 220 mx.example.org ESMTP Postern
        C: EHLO client.example
        S: 250-mx.example.org
        S: 250-PIPELINING
        S: 250-SIZE 26214400
        S: 250-8BITMIME
        S: 250-ENHANCEDSTATUSCODES
        S: 250-CHUNKING
        S: 250-BINARYMIME
        S: 250-STARTTLS
        S: 250 HELP
        C: MAIL FROM:<bob@example.net> SIZE=100 BODY=8BITMIME
        S: 250 2.1.0 Sender OK
        C: RCPT TO:<ann@example.org>
        S: 250 2.1.5 Recipient OK
        C: DATA
        S: 354 End data with <CR><LF>.<CR><LF>
        C: Subject: hello
        C:
        C: ..dotted
        C: .
        S: 250 2.0.0 Queued as *
        C: QUIT
        S: 221 2.0.0 Bye
    )");
    CHECK(talk.closed());
    REQUIRE(talk.submitted.size() == 1);
    const ipc::Submit& submit = talk.submitted[0];
    CHECK(submit.body.view() == "Subject: hello\r\n\r\n.dotted\r\n");
    CHECK(submit.envelope.reverse_path.view() == "bob@example.net");
    CHECK(submit.envelope.client.view() == "192.0.2.1");
    CHECK(submit.envelope.body == ipc::BodyKind::eight_bit);
    CHECK(submit.envelope.sender == 0);
    CHECK(submit.handle.empty());
    REQUIRE(submit.envelope.recipients.size() == 1);
    CHECK(submit.envelope.recipients.items[0].forward_path.view() == "ann@example.org");
    CHECK(submit.envelope.trace_head.view() == "Received: from client.example ([192.0.2.1])\r\n\tby mx.example.org with ESMTP id ");
    CHECK(submit.envelope.trace_tail.view() == "\r\n\tfor <ann@example.org>;\r\n\tSat, 21 Nov 2026 08:20:00 +0000\r\n");
}

TEST_CASE("a message is submitted with STARTTLS and AUTH PLAIN") {
    Talk talk(submission);
    talk.script(R"(
        S: 220 mx.example.org ESMTP Postern
        C: EHLO laptop
        S: 250-mx.example.org
        S: 250-PIPELINING
        S: 250-SIZE 26214400
        S: 250-8BITMIME
        S: 250-ENHANCEDSTATUSCODES
        S: 250-CHUNKING
        S: 250-BINARYMIME
        S: 250-STARTTLS
        S: 250 HELP
        C: MAIL FROM:<ann@example.org>
        S: 530 5.7.0 Must issue a STARTTLS command first
        C: STARTTLS
        S: 220 2.0.0 Ready to start TLS
        TLS
        C: MAIL FROM:<ann@example.org>
        S: 530 5.7.0 Authentication required
        C: EHLO laptop
        S: 250-mx.example.org
        S: 250-PIPELINING
        S: 250-SIZE 26214400
        S: 250-8BITMIME
        S: 250-ENHANCEDSTATUSCODES
        S: 250-CHUNKING
        S: 250-BINARYMIME
        S: 250-AUTH PLAIN LOGIN
        S: 250 HELP
        C: AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=
        S: 235 2.7.0 Authentication successful
        C: MAIL FROM:<boss@example.org>
        S: 550 5.7.1 Your account may not send from this address
        C: MAIL FROM:<ann@example.org>
        S: 250 2.1.0 Sender OK
        C: RCPT TO:<far@elsewhere.example>
        S: 250 2.1.5 Recipient OK
        C: RCPT TO:<ben@example.org>
        S: 250 2.1.5 Recipient OK
        C: DATA
        S: 354 *
        C: hello
        C: .
        S: 250 2.0.0 Queued as *
    )");
    CHECK(talk.start_tls);
    REQUIRE(talk.submitted.size() == 1);
    const ipc::Submit& submit = talk.submitted[0];
    CHECK(submit.envelope.sender == 7);
    CHECK_FALSE(submit.handle.empty());
    REQUIRE(submit.envelope.recipients.size() == 2);
    CHECK(submit.envelope.recipients.items[0].account == 0);
    CHECK(submit.envelope.recipients.items[0].address.view() == "far@elsewhere.example");
    CHECK(submit.envelope.trace_head.view().find("with ESMTPSA id") != std::string::npos);
    CHECK(submit.envelope.trace_tail.view().starts_with("\r\n\t(TLSv1.3 TLS_AES_256_GCM_SHA384);\r\n"));
    talk.session.peer_closed();
    talk.perform();
    REQUIRE(talk.tells.size() == 1);
    CHECK(std::holds_alternative<ipc::ReleaseHandle>(talk.tells[0]));
}

TEST_CASE("implicit TLS greets behind the handshake; AUTH LOGIN with and without an initial response") {
    for (std::string_view dialogue : {"C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YW5uQGV4YW1wbGUub3Jn\n",
                                      "C: AUTH LOGIN YW5uQGV4YW1wbGUub3Jn\n", "C: auth login YW5uQGV4YW1wbGUub3Jn\n"}) {
        Talk talk(submissions);
        CHECK(talk.take_replies().empty());
        CHECK_FALSE(talk.session.has_room());
        talk.script("TLS\nS: 220 *\nC: HELO laptop\nS: 250 mx.example.org\n" + std::string(dialogue) +
                    "S: 334 UGFzc3dvcmQ6\nC: c2VjcmV0\nS: 235 2.7.0 *\nC: AUTH PLAIN\nS: 503 5.5.1 Already *\n");
    }
}

TEST_CASE("AUTH PLAIN without an initial response, and giving it up") {
    Talk talk(submissions);
    talk.script(R"(
        TLS
        S: 220 *
        C: HELO laptop
        S: 250 mx.example.org
        C: AUTH PLAIN
        S: 334 *
        C: *
        S: 501 5.7.0 Authentication cancelled
        C: AUTH PLAIN
        S: 334 *
        C: AGFubkBleGFtcGxlLm9yZwB3cm9uZw==
        S: 535 5.7.8 User name or password is wrong
        C: AUTH PLAIN =
        S: 501 5.5.2 *
        C: AUTH CRAM-MD5
        S: 504 5.5.4 *
        C: AUTH PLAIN AGRvd25AZXhhbXBsZS5vcmcAeA==
        S: 454 4.7.0 *
        C: AUTH PLAIN
        S: 334 *
        C: AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=
        S: 235 *
    )");
}

TEST_CASE("each recipient gets the answer that explains it") {
    Talk talk;
    talk.script(R"(
        S: 220 *
        C: HELO client.example
        S: 250 mx.example.org
        C: MAIL FROM:<>
        S: 250 2.1.0 *
        C: RCPT TO:<nobody@example.org>
        S: 550 5.1.1 *
        C: RCPT TO:<closed@example.org>
        S: 550 5.2.1 *
        C: RCPT TO:<full@example.org>
        S: 552 5.2.2 *
        C: RCPT TO:<loop@example.org>
        S: 550 5.4.6 *
        C: RCPT TO:<odd@example.org>
        S: 553 5.1.3 *
        C: RCPT TO:<slow@example.org>
        S: 451 4.3.0 *
        C: RCPT TO:<far@elsewhere.example>
        S: 550 5.7.1 Relaying denied*
        C: DATA
        S: 554 5.5.1 No valid recipients
        C: RCPT TO:<Postmaster>
        S: 250 2.1.5 *
    )");
}

TEST_CASE("the order of commands is RFC 5321's") {
    Talk talk;
    talk.script(R"(
        S: 220 *
        C: MAIL FROM:<a@b.example>
        S: 503 5.5.1 *
        C: RSET
        S: 250 *
        C: MAIL FROM:<a@b.example>
        S: 503 5.5.1 *
        C: STARTTLS
        S: 503 5.5.1 *
        C: NOOP
        S: 250 *
        C: VRFY ann
        S: 252 2.5.2 *
        C: EXPN list
        S: 502 5.5.1 *
        C: HELO client.example
        S: 250 mx.example.org
        C: RCPT TO:<ann@example.org>
        S: 503 5.5.1 *
        C: DATA
        S: 554 5.5.1 *
        C: MAIL FROM:<a@b.example>
        S: 250 *
        C: MAIL FROM:<a@b.example>
        S: 503 5.5.1 *
        C: STARTTLS
        S: 503 5.5.1 *
        C: RCPT TO:<ann@example.org>
        S: 250 *
        C: RSET
        S: 250 *
        C: DATA
        S: 554 5.5.1 *
        C: MAIL FROM:<a@b.example>
        S: 250 *
        C: HELO again.example
        S: 250 *
        C: RCPT TO:<ann@example.org>
        S: 503 *
    )");
}

TEST_CASE("HELP names every command there is") {
    Talk talk;
    talk.take_replies();
    talk.send("HELP\r\n");
    const std::string help = talk.take_replies();
    for (const Verb& row : verbs())
        if (!row.usage.empty()) CHECK(help.find(row.usage) != std::string::npos);
    CHECK(help.find("214 2.0.0 ") != std::string::npos);
}

TEST_CASE("pipelined commands are answered in one write and in order, while their questions run side by side") {
    Talk talk;
    talk.take_replies();
    talk.hold = true;
    talk.send("EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<ann@example.org>\r\nRCPT TO:<bad\r\n"
              "RCPT TO:<nobody@example.org>\r\nRCPT TO:<ben@example.org>\r\nDATA\r\n");
    REQUIRE(talk.questions.size() == 3);
    talk.take_replies();
    talk.answer_held(2);
    talk.answer_held(1);
    CHECK(talk.take_replies().empty());                 // the first is not answered yet
    talk.answer_held(0);
    talk.script(R"(
        S: 250 2.1.5 *
        S: 501 5.1.3 *
        S: 550 5.1.1 *
        S: 250 2.1.5 *
        S: 354 *
    )");
    talk.hold = false;
    talk.script("C: x\nC: .\nS: 250 2.0.0 Queued *\n");
    CHECK(talk.submitted.at(0).envelope.recipients.size() == 2);
}

TEST_CASE("a shutdown lets a transaction finish") {
    Talk talk;
    talk.script("S: 220 *\nC: HELO c\nS: 250 *\nC: MAIL FROM:<a@b.example>\nS: 250 *\nC: RCPT TO:<ann@example.org>\nS: 250 *\n");
    talk.session.shut_down();
    talk.perform();
    talk.script("C: DATA\nS: 354 *\nC: x\nC: .\nS: 250 *\nS: 421 4.3.2 *\n");
    CHECK(talk.closed());

    Talk idle;
    idle.take_replies();
    idle.session.shut_down();
    idle.perform();
    CHECK(idle.take_replies().starts_with("421 4.3.2 "));
}
