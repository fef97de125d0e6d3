#include "imapd/capabilities.h"
#include "imapd/login/server_lines.h"
#include "imapd/login/session.h"
#include "libcommon/text.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::imap_login;
using namespace std::string_literals;

namespace {

struct Stranger {
    explicit Stranger(bool secure, bool tls_available = true, ipc::ChannelBindings bindings = {}, Limits with = {}) :
        limits(with), session(limits, secure, tls_available, {TraceId{1}, ipc::Protocol::imap, "192.0.2.1", std::move(bindings)}) {}

    std::string say(std::string_view bytes) {
        std::string out;
        while (!bytes.empty() && wants == Session::Wants::input) {
            bytes.remove_prefix(input.append(bytes));
            wants = session.run(input, out);
        }
        return out;
    }

    Limits limits;
    Session session;
    Input input{16'000};
    Session::Wants wants = Session::Wants::input;
};

std::string plain(const std::string& message) { return to_base64(message); }

} // namespace

TEST_CASE("before TLS nobody logs in") {
    Stranger s(false);
    CHECK(s.session.greeting() == "* OK [CAPABILITY IMAP4rev1 LITERAL+ ID STARTTLS LOGINDISABLED] Postern ready\r\n");
    CHECK(s.say("a LOGIN ann secret\r\n") == "a NO [PRIVACYREQUIRED] STARTTLS first\r\n");
    CHECK(s.say("b AUTHENTICATE PLAIN\r\n") == "b NO [PRIVACYREQUIRED] STARTTLS first\r\n");
    CHECK(s.say("c CAPABILITY\r\n") == "* CAPABILITY IMAP4rev1 LITERAL+ ID STARTTLS LOGINDISABLED\r\nc OK Done\r\n");
    CHECK(s.say("d ID (\"name\" \"x\")\r\n") == "* ID (\"name\" \"Postern\")\r\nd OK Done\r\n");
    CHECK(s.say("e NOOP\r\n") == "e OK Done\r\n");
    CHECK(s.say("f SELECT INBOX\r\n") == "f BAD Log in first\r\n");
    CHECK(s.say("g STARTTLS\r\n") == "g OK Begin TLS now\r\n");
    CHECK(s.wants == Session::Wants::start_tls);
}

TEST_CASE("bytes behind STARTTLS stay where the service sees them") {
    Stranger s(false);
    CHECK(s.say("a STARTTLS\r\nb LOGIN ann secret\r\n") == "a OK Begin TLS now\r\n");
    CHECK(s.wants == Session::Wants::start_tls);
    CHECK_FALSE(s.input.empty());
}

TEST_CASE("without a certificate there is no STARTTLS") {
    Stranger s(false, false);
    CHECK(s.session.greeting().find("STARTTLS") == std::string::npos);
    CHECK(s.say("a STARTTLS\r\n") == "a NO [UNAVAILABLE] No certificate\r\n");
}

TEST_CASE("LOGIN and AUTHENTICATE PLAIN ask the same question") {
    const struct { std::string bytes, said; } cases[] = {
        {"a LOGIN ann secret\r\n", ""},
        {"a LOGIN {3}\r\nann {6}\r\nsecret\r\n", "+ OK\r\n+ OK\r\n"},
        {"a LOGIN {3+}\r\nann \"secret\"\r\n", ""},
        {"a AUTHENTICATE PLAIN " + plain("\0ann\0secret"s) + "\r\n", ""},
        {"a AUTHENTICATE PLAIN\r\n" + plain("\0ann\0secret"s) + "\r\n", "+ \r\n"},
    };
    for (const auto& c : cases) {
        INFO(c.bytes);
        Stranger s(true);
        CHECK(s.say(c.bytes) == c.said);
        REQUIRE(s.wants == Session::Wants::answer);
        const auto& login = std::get<ipc::Login>(s.session.question());
        CHECK(login.username.view() == "ann");
        CHECK(login.password.view() == "secret");
        CHECK(login.client.view() == "192.0.2.1");
        CHECK(s.session.username() == "ann");
        CHECK(s.session.accepted() == "a OK [CAPABILITY " + std::string(imapd::capabilities_logged_in) + "] Logged in\r\n");
    }
}

TEST_CASE("malformed SASL ends one try, not the connection (TESTCARD G2)") {
    Stranger s(true);
    CHECK(s.say("a AUTHENTICATE PLAIN !!!\r\n").starts_with("a BAD"));
    CHECK(s.say("b AUTHENTICATE PLAIN " + plain("no nul") + "\r\n") == "b BAD Not what the mechanism expects\r\n");
    CHECK(s.say("c AUTHENTICATE PLAIN " + plain("\0\0x"s) + "\r\n") == "c BAD Not what the mechanism expects\r\n");
    CHECK(s.say("d AUTHENTICATE PLAIN " + plain("\0a\0b\0c"s) + "\r\n") == "d BAD Not what the mechanism expects\r\n");
    CHECK(s.say("e AUTHENTICATE PLAIN =\r\n") == "e BAD Not what the mechanism expects\r\n");
    CHECK(s.say("f AUTHENTICATE PLAIN\r\n*\r\n") == "+ \r\nf BAD Cancelled\r\n");
    CHECK(s.say("g AUTHENTICATE CRAM-MD5\r\n") == "g NO [CANNOT] No such mechanism\r\n");
    CHECK(s.say("h NOOP\r\n") == "h OK Done\r\n");
}

TEST_CASE("AUTHENTICATE relays an exchange of several steps, with and without SASL-IR") {
    const ipc::SaslReply salt{ipc::SaslState::challenge, 5, "salt", "ann", {}}, proof{ipc::SaslState::challenge, 5, "v=us", "ann", {}};
    for (const bool initial : {true, false}) {
        Stranger s(true);
        if (initial) s.say("a AUTHENTICATE SCRAM-SHA-256 " + to_base64("first") + "\r\n");
        else CHECK(s.say("a AUTHENTICATE SCRAM-SHA-256\r\n" + to_base64("first") + "\r\n") == "+ \r\n");
        REQUIRE(s.wants == Session::Wants::answer);
        CHECK(std::get<ipc::SaslStart>(s.session.question()).response.view() == "first");
        std::string out;
        s.wants = s.session.on_reply(salt, out);
        CHECK(out == "+ " + to_base64("salt") + "\r\n");
        s.say(to_base64("proof") + "\r\n");
        REQUIRE(s.wants == Session::Wants::answer);
        CHECK(std::get<ipc::SaslStep>(s.session.question()).attempt == 5);
        CHECK(std::get<ipc::SaslStep>(s.session.question()).response.view() == "proof");
        s.wants = s.session.on_reply(proof, out);
        s.say("\r\n");
        REQUIRE(s.wants == Session::Wants::answer);
        CHECK(std::get<ipc::SaslStep>(s.session.question()).response.empty());
        CHECK(s.session.username() == "ann");
    }
}

TEST_CASE("an exchange that is cancelled, malformed or left is given up at authd, and the connection goes on") {
    const ipc::SaslReply salt{ipc::SaslState::challenge, 5, "salt", "ann", {}};
    for (const std::string& line : {"*"s, "!!"s, ""s}) {
        INFO(line);
        Stranger s(true);
        s.say("a AUTHENTICATE SCRAM-SHA-256 " + to_base64("first") + "\r\n");
        std::string out;
        CHECK_FALSE(s.session.abort());
        s.wants = s.session.on_reply(salt, out);
        if (!line.empty()) CHECK(s.say(line + "\r\n").starts_with("a BAD "));
        REQUIRE(s.session.abort());
        CHECK_FALSE(s.session.abort());
        if (!line.empty()) CHECK(s.say("b NOOP\r\n") == "b OK Done\r\n");
    }
    Stranger s(true);
    s.say("a AUTHENTICATE SCRAM-SHA-256 =\r\n");
    std::string out;
    s.wants = s.session.on_reply({ipc::SaslState::malformed, 0, {}, {}, {}}, out);
    CHECK(out.starts_with("a BAD "));
    CHECK(s.say("b NOOP\r\n") == "b OK Done\r\n");
}

TEST_CASE("what is offered: a binding where TLS gave one, CRAM-MD5 where the host allows it") {
    CHECK(Stranger(true).session.greeting() == "* OK [CAPABILITY IMAP4rev1 LITERAL+ ID SASL-IR AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN] Postern ready\r\n");
    Limits limits;
    limits.cram_md5 = true;
    Stranger s(true, true, {{}, "certificate"}, limits);
    CHECK(s.session.greeting().find(" AUTH=SCRAM-SHA-256-PLUS AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN AUTH=CRAM-MD5]") != std::string::npos);
    s.say("a AUTHENTICATE SCRAM-SHA-256-PLUS " + to_base64("p=tls-server-end-point,,n=a,r=b") + "\r\n");
    REQUIRE(s.wants == Session::Wants::answer);
    CHECK(std::get<ipc::SaslStart>(s.session.question()).bindings.tls_server_end_point.view() == "certificate");
}

TEST_CASE("a name or password longer than any can be is denied like any other, later") {
    Stranger s(true);
    s.say("a LOGIN ann " + std::string(1025, 'p') + "\r\n");
    CHECK(s.wants == Session::Wants::refusal);
    CHECK(s.session.username() == "ann");
}

TEST_CASE("a question is forgotten with its password") {
    Stranger s(true);
    s.say("a LOGIN ann secret\r\n");
    s.session.forget_question();
    CHECK(std::get<ipc::Login>(s.session.question()).password.empty());
}

TEST_CASE("failures and errors are counted") {
    Stranger s(true);
    std::string out;
    for (unsigned i = 0; i < s.limits.failures; ++i) {
        CHECK(s.wants == Session::Wants::input);
        s.say("a LOGIN ann wrong\r\n");
        CHECK(s.wants == Session::Wants::answer);
        out.clear();
        s.wants = s.session.denied(out);
        CHECK(out.starts_with("a NO [AUTHENTICATIONFAILED] Login failed\r\n"));
    }
    CHECK(s.wants == Session::Wants::close);
    CHECK(out.ends_with("* BYE Too many failed logins\r\n"));

    Stranger noise(true);
    std::string flood;
    for (int i = 0; i < 20; ++i) flood += "x\r\n";
    CHECK(noise.say(flood).ends_with("* BYE Too many errors\r\n"));
    CHECK(noise.wants == Session::Wants::close);
}

TEST_CASE("a stranger's command is bounded (TESTCARD C4)") {
    Stranger s(true);
    CHECK(s.say("a LOGIN {18446744073709551617}\r\n") == "a BAD literal too large\r\n");
    CHECK(s.say("b LOGIN {9000}\r\n") == "b BAD literal too large\r\n");
    CHECK(s.say("c LOGIN {67108864+}\r\n") == "* BYE literal too large\r\n");
    CHECK(s.wants == Session::Wants::close);
    Stranger line(true);
    CHECK(line.say("a NOOP " + std::string(100'000, 'x') + "\r\nb NOOP\r\n") == "a BAD command too long\r\nb OK Done\r\n");
}

TEST_CASE("a BYE of ours is said between two lines of imapd, and not behind its own") {
    struct Case { std::string_view said; bool may_speak; };
    const Case cases[] = {
        {"", true},
        {"* OK ready\r\n", true},
        {"* 1 FETCH (FLAGS", false},
        {"* 1 FETCH (BODY[] {12}\r\n", false},
        {"* 1 FETCH (BODY[] {12}\r\nSubject: a\r\n", false},              // the literal is whole, its line is not
        {"* 1 FETCH (BODY[] {12}\r\n* BYE ab\r\n\r\n)\r\n", true},       // a body that looks like an answer
        {"* 1 FETCH (BODY[] {0}\r\n", false},
        {"* 1 FETCH (BODY[] {0}\r\n)\r\na OK Done\r\n", true},
        {"* 1 FETCH (ENVELOPE (\"{5}\" NIL))\r\n", true},
        {"* BYE Logging out\r\n", false},
        {"* BYE Logging out\r\na OK Done\r\n", false},
        {"* 1 FETCH (BODY[HEADER.FIELDS (SUBJECT DATE FROM TO CC)] {3}\r\nabc)\r\n", true},
    };
    for (const Case& c : cases)
        for (const std::size_t cut : {std::size_t{1}, std::size_t{7}, std::size_t{1000}}) {
            INFO(c.said << " cut into " << cut);
            ServerLines lines;
            for (std::string_view rest = c.said; !rest.empty(); rest.remove_prefix(std::min(cut, rest.size())))
                lines.see(rest.substr(0, cut));
            CHECK(lines.may_speak() == c.may_speak);
        }
}
