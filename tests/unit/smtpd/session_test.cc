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
        S: 250-SMTPUTF8
        S: 250-DSN
        S: 250-LIMITS RCPTMAX=1000
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
        S: 250-SMTPUTF8
        S: 250-DSN
        S: 250-LIMITS RCPTMAX=1000
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
        S: 250-SMTPUTF8
        S: 250-DSN
        S: 250-LIMITS RCPTMAX=1000
        S: 250-REQUIRETLS
        S: 250-AUTH SCRAM-SHA-256 PLAIN LOGIN
        S: 250-FUTURERELEASE 2592000 2026-12-21T08:20:00Z
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
        C: Subject: hello
        C:
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
    CHECK(submit.envelope.trace_head.view() == "Received: from mx.example.org (an authenticated user)\r\n\tby mx.example.org with ESMTPSA id ");
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

TEST_CASE("an exchange of several steps is relayed, as RFC 4954 words it") {
    Talk talk(submissions);
    const auto line = [](std::string_view text) { return to_base64(text) + "\n"; };
    talk.script("TLS\nS: 220 *\nC: EHLO laptop\nS: 250-mx.example.org\nS: 250-PIPELINING\nS: 250-SIZE *\nS: 250-8BITMIME\n"
                "S: 250-ENHANCEDSTATUSCODES\nS: 250-CHUNKING\nS: 250-BINARYMIME\nS: 250-SMTPUTF8\nS: 250-DSN\nS: 250-LIMITS *\nS: 250-REQUIRETLS\n"
                "S: 250-AUTH SCRAM-SHA-256 PLAIN LOGIN\nS: 250-FUTURERELEASE *\nS: 250 HELP\n");
    const std::string begin = "C: AUTH SCRAM-SHA-256 " + line("first") + "S: 334 " + line("salt");
    talk.script(begin + "C: " + line("wrong") + "S: 535 5.7.8 *\n");
    talk.script(begin + "C: " + line("down") + "S: 454 4.7.0 *\n");
    talk.script(begin + "C: " + line("malformed") + "S: 501 5.5.2 *\n");
    CHECK(talk.tells.empty());                             // authd has ended these itself
    talk.script(begin + "C: *\nS: 501 5.7.0 *\n");
    talk.script(begin + "C: not base64\nS: 501 5.5.2 *\n");
    talk.script(begin + "C: QUIT!\nS: 501 5.5.2 *\nC: NOOP\nS: 250 *\n");
    REQUIRE(talk.tells.size() == 3);                       // and these it still kept
    for (const Tell& tell : talk.tells) CHECK(std::get<ipc::SaslAbort>(tell).attempt == 5);
    talk.script("C: AUTH SCRAM-SHA-256 " + line("malformed") + "S: 501 5.5.2 *\n");
    talk.script("C: AUTH SCRAM-SHA-256\nS: 334 *\nC: " + line("first") + "S: 334 " + line("salt") + "C: " + line("proof") +
                "S: 334 " + line("v=us") + "C: \nS: 235 2.7.0 *\nC: AUTH SCRAM-SHA-256\nS: 503 *\n");
    CHECK(std::get<event::LoggedIn>(talk.events.back()).address == "ann@example.org");
    talk.script("C: MAIL FROM:<ann@example.org>\nS: 250 *\n");
}

TEST_CASE("a client that leaves in the middle of an exchange leaves nothing at authd") {
    for (const bool times_out : {false, true}) {
        Talk talk(submissions);
        talk.script("TLS\nS: 220 *\nC: HELO laptop\nS: 250 *\nC: AUTH SCRAM-SHA-256 " + to_base64("first") + "\nS: 334 *\n");
        if (times_out) talk.session.time_out();
        else talk.session.peer_closed();
        talk.perform();
        REQUIRE(talk.tells.size() == 1);
        CHECK(std::get<ipc::SaslAbort>(talk.tells[0]).attempt == 5);
    }
}

TEST_CASE("a binding is offered where TLS gave one, CRAM-MD5 where the host allows it") {
    Limits limits;
    limits.cram_md5 = true;
    Talk talk(submissions, limits);
    talk.session.tls_started("TLSv1.3", "cipher", {"exported", {}});
    talk.perform();
    talk.send("EHLO laptop\r\n");
    CHECK(talk.take_replies().find("250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN CRAM-MD5\r\n") != std::string::npos);
    talk.script(
                "C: AUTH CRAM-MD5 dGlt\nS: 501 5.5.2 *\nC: AUTH CRAM-MD5\nS: 334 " + to_base64("salt") + "\nC: *\nS: 501 *\n");
    talk.hold = true;
    talk.send("AUTH SCRAM-SHA-256-PLUS " + to_base64("p=tls-exporter,,n=ann,r=x") + "\r\n");
    REQUIRE(talk.questions.size() == 1);
    const auto& start = std::get<ipc::SaslStart>(talk.questions[0].question);
    CHECK(start.mechanism == ipc::SaslMechanism::scram_sha_256_plus);
    CHECK(start.bindings.tls_exporter.view() == "exported");
    CHECK(start.client.view() == "192.0.2.1");
    CHECK(start.protocol == ipc::Protocol::submission);
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
        C: RCPT TO:<void@example.org>
        S: 451 4.3.0 *
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

TEST_CASE("an address literal of this host's is this host, any other is elsewhere") {
    Limits limits;
    limits.public_addresses = {*Network::parse("203.0.113.25")};
    struct Case { std::string_view recipient, asked; };
    constexpr Case cases[] = {
        {"ann@[192.0.2.25]", "ann"},
        {"ann@[IPv6:::ffff:192.0.2.25]", "ann"},
        {"Postmaster@[192.0.2.25]", "Postmaster"},
        {"ann@[203.0.113.25]", "ann"},                           // by NAT
        {"\"ann@elsewhere.example\"@[192.0.2.25]", "\"ann@elsewhere.example\""},
        {"ann%elsewhere.example@[192.0.2.25]", "ann%elsewhere.example"},
        {"ann@[192.0.2.26]", "ann@[192.0.2.26]"},
        {"ann@[192.0.02.25]", "ann@[192.0.02.25]"},
        {"ann@[IPv6:2001:db8::25]", "ann@[ipv6:2001:db8::25]"},
        {"ann@192.0.2.25", "ann@192.0.2.25"},                    // without brackets it is a domain
    };
    const auto asked_about = [](Talk& talk, std::string_view recipient) {
        talk.send("HELO client.example\r\nMAIL FROM:<>\r\n");
        talk.hold = true;
        talk.send("RCPT TO:<" + std::string(recipient) + ">\r\n");
        return std::get<ipc::ResolveRecipient>(talk.questions.at(0).question).forward_path.value;
    };
    for (const Case& c : cases) {
        INFO(c.recipient);
        Talk talk(relay, limits);
        talk.session.connected_to(IpAddress::parse("192.0.2.25"));
        CHECK(asked_about(talk, c.recipient) == c.asked);
    }
    Talk nowhere(relay, limits);
    CHECK(asked_about(nowhere, "ann@[192.0.2.25]") == "ann@[192.0.2.25]");
    limits.address_literals = false;
    Talk off(relay, limits);
    off.session.connected_to(IpAddress::parse("192.0.2.25"));
    CHECK(asked_about(off, "ann@[192.0.2.25]") == "ann@[192.0.2.25]");
}
