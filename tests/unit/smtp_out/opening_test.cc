#include "delivery/smtp/opening.h"
#include "talk.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::smtp_out;

namespace {

constexpr std::string_view offers_tls = "250-mx.example\n250-PIPELINING\n250 STARTTLS";
constexpr std::string_view secured = "(secured)";

// All we say to these replies, separated by " / "; "(secured)" stands for a finished handshake.
std::string talk(Opening& opening, const std::vector<std::string_view>& replies) {
    std::string said = show(opening.begin());
    for (const std::string_view text : replies) said += " / " + show(text == secured ? opening.on_secured() : opening.on_reply(reply(text)));
    return said;
}

OpeningSettings settings(TlsUse tls = TlsUse::may) {
    OpeningSettings out;
    out.helo = "us.example";
    out.tls = tls;
    return out;
}

struct Case {
    TlsUse tls;
    std::vector<std::string_view> replies;
    std::string_view said;
    std::string_view problem;                // empty: ready
};

} // namespace

TEST_CASE("openings, TLS wanted or demanded") {
    const Case cases[] = {
        {TlsUse::may, {"220 hi", "250 mx.example"}, " / EHLO us.example / {end}", ""},
        {TlsUse::may, {"220 hi", offers_tls, "220 go", secured, "250 mx.example"},
         " / EHLO us.example / STARTTLS / {tls} / EHLO us.example / {end}", ""},
        {TlsUse::never, {"220 hi", offers_tls}, " / EHLO us.example / {end}", ""},
        // RFC 5321 section 3.2
        {TlsUse::may, {"220 hi", "502 what?", "250 mx.example"}, " / EHLO us.example / HELO us.example / {end}", ""},
        {TlsUse::may, {"220 hi", "451 later"}, " / EHLO us.example / QUIT{end}", "4.3.0 host refused EHLO: 451 later"},
        {TlsUse::may, {"220 hi", "502 what?", "550 go away"}, " / EHLO us.example / HELO us.example / QUIT{end}",
         "4.0.0 host refused HELO: 550 go away"},
        // A host that will not have us says nothing about recipients: never for good.
        {TlsUse::may, {"554 5.7.1 go away"}, " / QUIT{end}", "4.7.1 host refused the connection: 554 5.7.1 go away"},
        {TlsUse::may, {"421 busy"}, " / QUIT{end}", "4.3.2 host refused the connection: 421 busy"},
        {TlsUse::may, {"250 confused"}, " / QUIT{end}", "4.5.0 host refused the connection: 250 confused"},
        // STARTTLS refused: in clear if it may be.
        {TlsUse::may, {"220 hi", offers_tls, "454 no"}, " / EHLO us.example / STARTTLS / {end}", ""},
        {TlsUse::must, {"220 hi", offers_tls, "454 no"}, " / EHLO us.example / STARTTLS / QUIT{end}",
         "4.7.4 TLS is required, but the host refused STARTTLS: 454 no"},
        {TlsUse::may, {"220 hi", offers_tls, "421 bye"}, " / EHLO us.example / STARTTLS / QUIT{end}", "4.3.2 host refused STARTTLS: 421 bye"},
        {TlsUse::must, {"220 hi", "250 mx.example"}, " / EHLO us.example / QUIT{end}",
         "4.7.4 TLS is required, but the host does not offer STARTTLS"},
        {TlsUse::must, {"220 hi", "500 what?", "250 mx"}, " / EHLO us.example / HELO us.example / QUIT{end}",
         "4.7.4 TLS is required, but the host does not know EHLO"},
    };
    for (const Case& c : cases) {
        Opening opening(settings(c.tls));
        INFO(c.said);
        CHECK(talk(opening, c.replies) == c.said);
        CHECK(opening.is_ready() == c.problem.empty());
        if (!opening.is_ready()) {
            CHECK(opening.problem().code + " " + opening.problem().text == c.problem);
            CHECK(opening.problem().status == ipc::DeliveryStatus::deferred);
        }
    }
}

TEST_CASE("what was offered in clear is forgotten when TLS begins") {
    Opening opening(settings());
    talk(opening, {"220 hi", "250-mx\n250-CHUNKING\n250 STARTTLS", "220 go", secured, "250-mx\n250 SIZE 1000"});
    Capabilities expect;
    expect.size = true;
    expect.max_size = 1000;
    CHECK(opening.capabilities() == expect);
}

TEST_CASE("capabilities, whatever their case and order") {
    const Capabilities all = parse_capabilities(
        reply("250-mx STARTTLS\n250-size\n250-Pipelining\n250-CHUNKING\n250-BINARYMIME\n250-8bitmime\n250-SMTPUTF8\n250-DSN\n250-REQUIRETLS\n250 AUTH CRAM-MD5 PLAIN LOGIN"));
    CHECK((all.size && all.pipelining && all.chunking && all.binarymime && all.eight_bit && all.smtputf8 && all.dsn && all.require_tls));
    CHECK((all.auth_plain && all.auth_login));
    CHECK_FALSE(all.starttls);                                   // the first line is a greeting
    CHECK_FALSE(parse_capabilities(reply("250-mx\n250 BINARYMIME")).binarymime);
    CHECK_FALSE(parse_capabilities(reply("250-mx\n250 SIZE 99999999999999999999999")).max_size);
}

TEST_CASE("AUTH goes over TLS only") {
    OpeningSettings with = settings(TlsUse::must);
    with.credentials = Credentials{"joe", "pässword"};
    SECTION("PLAIN") {
        Opening opening(with);
        CHECK(talk(opening, {"220 hi", offers_tls, "220 go", secured, "250-mx\n250 AUTH LOGIN PLAIN", "235 in"}).ends_with(
            " / AUTH PLAIN AGpvZQBww6Rzc3dvcmQ= / {end}"));
        CHECK(opening.is_ready());
    }
    SECTION("LOGIN") {
        Opening opening(with);
        CHECK(talk(opening, {"220 hi", offers_tls, "220 go", secured, "250-mx\n250 AUTH LOGIN", "334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6", "235 in"})
                  .ends_with(" / AUTH LOGIN / am9l / cMOkc3N3b3Jk / {end}"));
    }
    SECTION("refused") {
        Opening opening(with);
        talk(opening, {"220 hi", offers_tls, "220 go", secured, "250-mx\n250 AUTH PLAIN", "535 5.7.8 wrong"});
        CHECK(opening.problem().text == "host refused our login: 535 5.7.8 wrong");
        CHECK(opening.problem().status == ipc::DeliveryStatus::deferred);
    }
    SECTION("not offered") {
        Opening opening(with);
        talk(opening, {"220 hi", offers_tls, "220 go", secured, "250 mx"});
        CHECK(opening.problem().code == "4.7.0");
    }
    SECTION("in clear") {
        with.tls = TlsUse::never;
        Opening opening(with);
        CHECK(talk(opening, {"220 hi", "250-mx\n250 AUTH PLAIN"}) == " / EHLO us.example / QUIT{end}");
        CHECK(opening.problem().code == "4.7.11");
    }
}

TEST_CASE("LMTP says LHLO and knows no HELO") {
    OpeningSettings lmtp = settings();
    lmtp.lmtp = true;
    Opening opening(lmtp);
    CHECK(talk(opening, {"220 hi", "500 what?"}) == " / LHLO us.example / QUIT{end}");
    CHECK_FALSE(opening.is_ready());
}

TEST_CASE("a connection lost in the handshake is told from one lost elsewhere") {
    Opening opening(settings());
    talk(opening, {"220 hi", offers_tls, "220 go"});
    opening.on_lost("wrong version");
    CHECK(opening.tls_failed());
    CHECK(opening.problem() == deferred("4.7.5", "lost in the TLS handshake: wrong version"));
    Opening smtps(settings());
    smtps.on_handshake();
    smtps.on_lost("wrong version");
    CHECK(smtps.problem().code == "4.7.5");
    Opening other(settings());
    talk(other, {"220 hi"});
    other.on_lost("the peer closed");
    CHECK_FALSE(other.tls_failed());
    CHECK(other.problem() == deferred("4.4.2", "lost in EHLO: the peer closed"));
}

TEST_CASE("nobody there is told from somebody who went away (RFC 3463 section 3.5)") {
    Opening nobody(settings()), ours(settings()), mute(settings());
    nobody.on_lost("not connected: Connection refused");
    CHECK(nobody.problem() == deferred("4.4.1", "not connected: Connection refused"));
    ours.on_no_socket();
    ours.on_lost("from 192.0.2.1: Cannot assign requested address");
    CHECK(ours.problem() == deferred("4.3.5", "from 192.0.2.1: Cannot assign requested address"));
    mute.begin();
    mute.on_lost("timed out waiting for the greeting");
    CHECK(mute.problem() == deferred("4.4.2", "lost before its greeting: timed out waiting for the greeting"));
}
