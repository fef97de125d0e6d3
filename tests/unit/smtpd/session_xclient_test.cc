// A proxy that says whom it speaks for.
#include "talk.h"

using namespace postern;
using namespace postern::smtpd;

namespace {

constexpr std::string_view message = R"(
    C: MAIL FROM:<bob@example.net>
    S: 250 2.1.0 Sender OK
    C: RCPT TO:<ann@example.org>
    S: 250 2.1.5 Recipient OK
    C: DATA
    S: 354 *
    C: hello
    C: .
    S: 250 2.0.0 Queued as *
)";

} // namespace

TEST_CASE("the client that XCLIENT names is the client, from a new greeting on") {
    Talk talk;
    talk.session.allow_xclient();
    talk.script(R"(
        S: 220 mx.example.org ESMTP Postern
        C: EHLO proxy.example
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
        S: 250-XCLIENT NAME ADDR PORT PROTO HELO DESTADDR DESTPORT
        S: 250 HELP
        C: XCLIENT ADDR=198.51.100.9 PORT=4711 NAME=client.example HELO=client PROTO=ESMTP DESTADDR=203.0.113.5 DESTPORT=25
        S: 220 mx.example.org ESMTP Postern
        C: MAIL FROM:<bob@example.net>
        S: 503 5.5.1 EHLO first, then one MAIL at a time
        C: HELO client.example
        S: 250 mx.example.org
    )");
    talk.script(message);
    REQUIRE(talk.checked.size() == 1);
    CHECK(talk.checked[0].client.view() == "198.51.100.9");
    REQUIRE(talk.submitted.size() == 1);
    CHECK(talk.submitted[0].envelope.client.view() == "198.51.100.9");
    CHECK(talk.submitted[0].envelope.trace_head.view().find("([198.51.100.9])") != std::string::npos);
    bool seen = false;
    for (const Event& event : talk.events)
        if (const auto* named = std::get_if<event::ClientNamed>(&event)) {
            seen = true;
            CHECK(named->proxy == "192.0.2.1");
            CHECK(named->name == "client.example");
            CHECK(named->helo == "client");
            CHECK(named->port == 4711);
            CHECK(named->destination == "203.0.113.5");
        }
    CHECK(seen);
    // Once more on the same connection, between messages; and not in the middle of one.
    talk.script(R"(
        C: XCLIENT ADDR=IPV6:2001:db8::1
        S: 220 *
        C: HELO other.example
        S: 250 *
        C: MAIL FROM:<bob@example.net>
        S: 250 *
        C: XCLIENT ADDR=198.51.100.9
        S: 503 5.5.1 XCLIENT belongs before MAIL
        C: RCPT TO:<ann@example.org>
        S: 250 *
        C: XCLIENT ADDR=198.51.100.9
        S: 503 5.5.1 *
    )");
    CHECK(talk.session.client().address == "2001:db8::1");
}

TEST_CASE("XCLIENT is not offered to others, and refused") {
    Talk talk;
    talk.script(R"(
        S: 220 *
        C: XCLIENT ADDR=127.0.0.1
        S: 550 5.7.1 XCLIENT is not for you
        C: HELO client.example
        S: 250 *
        C: XCLIENT ADDR=127.0.0.1
        S: 550 5.7.1 XCLIENT is not for you
    )");
    CHECK(talk.checked.empty());
    CHECK(talk.session.client().address == "192.0.2.1");
}

TEST_CASE("a client that may not come in is told so, through the proxy") {
    Talk talk;
    talk.session.allow_xclient();
    talk.script("S: 220 *\nC: XCLIENT ADDR=192.0.2.66\nS: 554 5.7.1 Your address is banned here, try again in 5 minutes\n");
    CHECK(talk.closed());
}

TEST_CASE("an address that is unavailable leaves the proxy's") {
    Talk talk;
    talk.session.allow_xclient();
    talk.script("S: 220 *\nC: XCLIENT ADDR=[UNAVAILABLE] NAME=[TEMPUNAVAIL]\nS: 220 *\n");
    CHECK(talk.session.client().address == "192.0.2.1");
    REQUIRE(talk.checked.size() == 1);
}

TEST_CASE("a login of before XCLIENT is over, TLS is not") {
    Talk talk(submissions);
    talk.session.allow_xclient();
    talk.script(R"(
        TLS
        S: 220 *
        C: HELO proxy
        S: 250 *
        C: AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=
        S: 235 *
        C: XCLIENT ADDR=198.51.100.9
        S: 220 *
        C: HELO client
        S: 250 *
        C: MAIL FROM:<ann@example.org>
        S: 530 5.7.0 Authentication required
        C: AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=
        S: 235 *
    )");
    REQUIRE(talk.tells.size() == 1);
    CHECK(std::holds_alternative<ipc::ReleaseHandle>(talk.tells[0]));
}

TEST_CASE("where the client connected to is where XCLIENT says") {
    Talk talk;
    talk.session.allow_xclient();
    talk.session.connected_to(IpAddress::parse("192.0.2.25"));
    talk.script(R"(
        S: 220 *
        C: HELO proxy.example
        S: 250 *
        C: XCLIENT ADDR=198.51.100.9 DESTADDR=203.0.113.25
        S: 220 *
        C: HELO client.example
        S: 250 *
        C: MAIL FROM:<>
        S: 250 *
        C: RCPT TO:<ann@[192.0.2.25]>
        S: 550 5.7.1 Relaying denied*
        C: RCPT TO:<ann@[203.0.113.25]>
        S: 250 2.1.5 *
    )");
}
