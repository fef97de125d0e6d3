// Submission by users of this host: who they are is known before a word is said.
#include "smtpd/received.h"
#include "tests/unit/smtpd/talk.h"

using namespace postern;
using namespace postern::smtpd;

TEST_CASE("a user of this host sends mail anywhere without a login, and needs no TLS") {
    Talk talk(local, {}, false);
    talk.script(R"(
        S: 220 mx.example.org ESMTP Postern for ann@example.org
        C: EHLO localhost
        S: 250-mx.example.org
        S: 250-PIPELINING
        S: 250-SIZE *
        S: 250-8BITMIME
        S: 250-ENHANCEDSTATUSCODES
        S: 250-CHUNKING
        S: 250-BINARYMIME
        S: 250-SMTPUTF8
        S: 250-DSN
        S: 250-LIMITS *
        S: 250 HELP
        C: MAIL FROM:<bob@elsewhere.example>
        S: 550 5.7.1 Your account may not send from this address
        C: MAIL FROM:<ann@example.org>
        S: 250 2.1.0 *
        C: RCPT TO:<bob@elsewhere.example>
        S: 250 2.1.5 *
        C: DATA
        S: 354 *
        C: Subject: x
        C:
        C: body
        C: .
        S: 250 2.0.0 *
    )");
    REQUIRE(talk.submitted.size() == 1);
    const ipc::Submit& submit = talk.submitted[0];
    CHECK(submit.envelope.sender == ipc::local_user(1000));
    CHECK_FALSE(submit.handle.empty());
    CHECK(submit.envelope.trace_head.view().find("from mx.example.org (ann@example.org, uid 1000)") != std::string::npos);
    CHECK(submit.envelope.trace_tail.view().find("From: ann@example.org\r\n") != std::string::npos);
    CHECK(submit.envelope.trace_tail.view().find("Message-ID: ") != std::string::npos);
}

TEST_CASE("a user of this host logs in as nobody else") {
    Talk talk(local, {}, false);
    talk.script(R"(
        S: 220 *
        C: EHLO localhost
        S: 250-*
        S: 250-*
        S: 250-*
        S: 250-*
        S: 250-*
        S: 250-*
        S: 250-*
        S: 250-*
        S: 250-*
        S: 250-*
        S: 250 *
        C: AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=
        S: 503 5.5.1 Already authenticated
    )");
}

TEST_CASE("who is no user of this host is told so instead of a greeting") {
    Talk talk(local, {}, false, ipc::LoginStatus::denied);
    CHECK(talk.take_replies() == "554 5.7.1 This is for users and programs of this host\r\n");
    CHECK(talk.closed());
    Talk other(local, {}, false, ipc::LoginStatus::unavailable);
    CHECK(other.take_replies() == "421 4.3.0 Cannot see now whose mail this is, try again later\r\n");
    CHECK(other.closed());
}

TEST_CASE("what is said before it is known who says it waits") {
    Limits limits;
    limits.hostname = "mx.example.org";
    Effects effects;
    Session session(limits, local, false, TraceId{1}, "local", effects);
    CHECK(effects.send.empty());
    REQUIRE(effects.asks.size() == 1);
    const auto ticket = effects.asks[0].ticket;
    CHECK(session.receive("EHLO x\r\n", 0) == 8);
    CHECK(effects.send.empty());
    session.answer(ticket, ipc::LoginResult{ipc::LoginStatus::ok, {{1}}, ipc::local_user(0), "root@mx.example.org"}, 0);
    CHECK(effects.send.starts_with("220 mx.example.org ESMTP Postern for root@mx.example.org\r\n250-mx.example.org\r\n"));
}
