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
    explicit Stranger(bool secure, bool tls_available = true) : session(limits, secure, tls_available) {}

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
        CHECK(s.wants == Session::Wants::login);
        CHECK(s.session.credentials().username == "ann");
        CHECK(s.session.credentials().password == "secret");
        CHECK(s.session.accepted() == "a OK [CAPABILITY " + std::string(imapd::capabilities_logged_in) + "] Logged in\r\n");
    }
}

TEST_CASE("malformed SASL ends one try, not the connection (TESTCARD G2)") {
    Stranger s(true);
    CHECK(s.say("a AUTHENTICATE PLAIN !!!\r\n").starts_with("a BAD"));
    CHECK(s.say("b AUTHENTICATE PLAIN " + plain("no nul") + "\r\n") == "b BAD Not a PLAIN message\r\n");
    CHECK(s.say("c AUTHENTICATE PLAIN " + plain("\0\0x"s) + "\r\n") == "c BAD Not a PLAIN message\r\n");
    CHECK(s.say("d AUTHENTICATE PLAIN " + plain("\0a\0b\0c"s) + "\r\n") == "d BAD Not a PLAIN message\r\n");
    CHECK(s.say("e AUTHENTICATE PLAIN =\r\n") == "e BAD Not a PLAIN message\r\n");
    CHECK(s.say("f AUTHENTICATE PLAIN\r\n*\r\n") == "+ \r\nf BAD Cancelled\r\n");
    CHECK(s.say("g AUTHENTICATE CRAM-MD5\r\n") == "g NO [CANNOT] No such mechanism\r\n");
    CHECK(s.say("h NOOP\r\n") == "h OK Done\r\n");
}

TEST_CASE("failures and errors are counted") {
    Stranger s(true);
    std::string out;
    for (unsigned i = 0; i < s.limits.failures; ++i) {
        CHECK(s.wants == Session::Wants::input);
        s.say("a LOGIN ann wrong\r\n");
        CHECK(s.wants == Session::Wants::login);
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
