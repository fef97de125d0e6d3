#include "smtpd/command.h"

#include "libcommon/text.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::smtpd;

namespace {

constexpr std::string_view body_names[] = {"", " 8bit", " binary"};

struct Describe {
    std::string operator()(const Helo& c) const { return fmt::format("helo {}", c.domain); }
    std::string operator()(const Ehlo& c) const { return fmt::format("ehlo {}", c.domain); }
    std::string operator()(const MailFrom& c) const {
        return fmt::format("mail <{}>{}{}{}{}{}{}{}{}", c.reverse_path.null ? "" : c.reverse_path.mailbox.text(),
                           c.size ? fmt::format(" size={}", c.size) : "", body_names[static_cast<std::size_t>(c.body)],
                           c.smtputf8 ? " utf8" : "", c.require_tls ? " tls" : "",
                           c.ret == ipc::DsnReturn::unsaid ? "" : fmt::format(" ret={}", to_string(c.ret)),
                           c.envelope_id.empty() ? "" : " envid=" + c.envelope_id,
                           c.hold_for ? fmt::format(" for={}", *c.hold_for) : "",
                           c.hold_until ? fmt::format(" until={}", *c.hold_until) : "");
    }
    std::string operator()(const RcptTo& c) const {
        return fmt::format("rcpt <{}>{}{}", c.forward_path.mailbox.text(), c.notify ? fmt::format(" notify={}", c.notify) : "",
                           c.original.empty() ? "" : " orcpt=" + c.original);
    }
    std::string operator()(const Auth& c) const {
        return fmt::format("auth {} {}", c.mechanism, c.initial_response.value_or("-"));
    }
    std::string operator()(const Data&) const { return "data"; }
    std::string operator()(const Bdat& c) const { return fmt::format("bdat {}{}", c.size, c.last ? " last" : ""); }
    std::string operator()(const Rset&) const { return "rset"; }
    std::string operator()(const Noop&) const { return "noop"; }
    std::string operator()(const Vrfy& c) const { return fmt::format("vrfy{}{}", c.ascii ? "" : " ä", c.smtputf8 ? " utf8" : ""); }
    std::string operator()(const Help&) const { return "help"; }
    std::string operator()(const Quit&) const { return "quit"; }
    std::string operator()(const StartTls&) const { return "starttls"; }
    std::string operator()(const Lhlo& c) const { return fmt::format("lhlo {}", c.domain); }
    std::string operator()(const Xclient& c) const {
        return fmt::format("xclient name={} addr={} port={} proto={} helo={} dest={}:{}", c.name, c.address, c.port, c.protocol, c.helo,
                           c.destination, c.destination_port);
    }
};
std::string describe(const Parsed& parsed) {
    if (const auto* bad = std::get_if<BadSyntax>(&parsed))
        return fmt::format("{} {} column {}", bad->reply.code, bad->reply.status, bad->column);
    return std::visit(Describe{}, std::get<Command>(parsed));
}

struct Case { std::string_view line, expect; };
constexpr Case cases[] = {
    {"EHLO client.example", "ehlo client.example"},
    {"ehlo [192.0.2.1]", "ehlo [192.0.2.1]"},
    {"HELO under_score", "helo under_score"},                                  // 4.1.4: never refused for its name
    {"LHLO client.example", "lhlo client.example"},
    {"LHLO", "501 5.5.4 column 4"},
    {"EHLO", "501 5.5.4 column 4"},
    {"EHLO two words", "501 5.5.4 column 5"},

    {"MAIL FROM:<>", "mail <>"},                                               // null reverse-path: a bounce
    {"mail from:<a@b.example>", "mail <a@b.example>"},                         // verbs ignore case, 2.4
    {"MAIL FROM: <a@b.example>", "501 5.5.4 column 10"},                       // no space after the colon, 3.3
    {"MAIL FROM:<a@b.example>  ", "mail <a@b.example>"},                       // trailing blanks, 4.1.1
    {"MAIL FROM:a@b.example", "501 5.1.7 column 10"},
    {"MAIL FROM:<a@b.example", "501 5.1.7 column 10"},
    {"MAIL FROM:<@relay.example:a@b.example>", "mail <a@b.example>"},          // source route, appendix C
    {"MAIL TO:<a@b.example>", "501 5.5.4 column 5"},
    {"MAIL", "501 5.5.4 column 4"},
    {"MAIL FROM:<a@b.example>SIZE=1", "501 5.5.4 column 23"},
    {"MAIL FROM:<a@b.example> SIZE=1000", "mail <a@b.example> size=1000"},
    {"MAIL FROM:<a@b.example> size=1 body=8bitmime", "mail <a@b.example> size=1 8bit"},
    {"MAIL FROM:<a@b.example> BODY=7BIT", "mail <a@b.example>"},
    {"MAIL FROM:<a@b.example> BODY=BINARYMIME", "mail <a@b.example> binary"},
    {"MAIL FROM:<a@b.example> BODY=16BIT", "501 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> BODY", "501 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> SIZE=", "501 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> SIZE=-1", "501 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> SIZE=18446744073709551616", "501 5.5.4 column 24"},   // 2^64 does not wrap
    {"MAIL FROM:<a@b.example> SIZE=1 SIZE=2", "501 5.5.4 column 31"},
    {"MAIL FROM:<a@b.example> AUTH=<>", "mail <a@b.example>"},
    {"MAIL FROM:<a@b.example> AUTH=e+3Dmc2@example.com", "mail <a@b.example>"},
    {"MAIL FROM:<a@b.example> AUTH=a+0Ab", "mail <a@b.example>"},              // a newline in xtext, and goes nowhere
    {"MAIL FROM:<a@b.example> AUTH=a+0", "501 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> AUTH=a+0a", "501 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> XFROB=1", "555 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> NOTIFY=NEVER", "555 5.5.4 column 24"},           // of RCPT
    {"MAIL FROM:<a@b.example> RET=FULL ENVID=QQ+2B1", "mail <a@b.example> ret=full envid=QQ+1"},
    {"MAIL FROM:<a@b.example> ret=hdrs", "mail <a@b.example> ret=headers"},
    {"MAIL FROM:<a@b.example> RET=BODY", "501 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> RET", "501 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> RET=FULL RET=FULL", "501 5.5.4 column 33"},
    {"MAIL FROM:<a@b.example> ENVID=a+20b", "mail <a@b.example> envid=a b"},
    {"MAIL FROM:<a@b.example> ENVID=a+0D+0Ab", "501 5.5.4 column 24"},         // would be a header line of a report
    {"MAIL FROM:<a@b.example> ENVID=a+C3+A4", "501 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> ENVID=a=b", "501 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> ENVID=", "501 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> REQUIRETLS", "mail <a@b.example> tls"},
    {"MAIL FROM:<a@b.example> REQUIRETLS=yes", "501 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> HOLDFOR=3600", "mail <a@b.example> for=3600"},
    {"MAIL FROM:<a@b.example> HOLDFOR=1234567890", "501 5.5.4 column 24"},     // RFC 4865: up to 9 digits
    {"MAIL FROM:<a@b.example> HOLDFOR=-1", "501 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> HOLDUNTIL=2026-11-21T08:20:00Z", "mail <a@b.example> until=1795249200"},
    {"MAIL FROM:<a@b.example> HOLDUNTIL=tomorrow", "501 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> HOLDFOR=1 HOLDUNTIL=2026-11-21T08:20:00Z", "501 5.5.4 column 34"},   // one of the two
    {"MAIL FROM:<a@b.example> HOLDUNTIL=2026-11-21T08:20:00Z HOLDFOR=1", "501 5.5.4 column 55"},
    {"MAIL FROM:<a@b.example> SIZE=1 SMTPUTF8", "mail <a@b.example> size=1 utf8"},
    {"MAIL FROM:<a@b.example> SMTPUTF8=yes", "501 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> AUTH", "501 5.5.4 column 24"},
    {"MAIL FROM:<\xC3\xA4@b.example> SMTPUTF8", "mail <\xC3\xA4@b.example> utf8"},
    {"MAIL FROM:<\xC3\xA4@b.example>", "mail <\xC3\xA4@b.example>"},             // whether it may is for the session
    {"MAIL FROM:<\xE4@b.example>", "500 5.5.2 column 11"},                        // not UTF-8
    {"MAIL FROM:<a@b.example> \xC3\xA4", "555 5.5.4 column 24"},
    {"MAIL FROM:<a@b.example> AUTH=\xC3\xA4", "501 5.5.4 column 24"},

    {"RCPT TO:<ann@example.org>", "rcpt <ann@example.org>"},
    {"RCPT TO:<Ann@EXAMPLE.org>", "rcpt <Ann@example.org>"},                   // domains ignore case, local parts keep it
    {"RCPT TO:<\"a b\"@example.org>", "rcpt <\"a b\"@example.org>"},
    {"RCPT TO:<Postmaster>", "rcpt <postmaster>"},                             // 4.1.1.3
    {"RCPT TO:<a@M\xC3\xBCller.example>", "rcpt <a@xn--mller-kva.example>"},
    {"RCPT TO:<a\xC2\x9B@b.example>", "501 5.1.3 column 8"},                   // CSI
    {"RCPT TO:<>", "501 5.1.3 column 8"},
    {"RCPT TO:<a@b.example> SIZE=1", "555 5.5.4 column 22"},                   // of MAIL
    {"RCPT TO:<a@b.example>NOTIFY=NEVER", "501 5.5.4 column 21"},
    {"RCPT TO:<a@b.example> NOTIFY=NEVER", "rcpt <a@b.example> notify=1"},
    {"RCPT TO:<a@b.example> notify=success,Failure,DELAY", "rcpt <a@b.example> notify=14"},
    {"RCPT TO:<a@b.example> NOTIFY=NEVER,DELAY", "501 5.5.4 column 22"},
    {"RCPT TO:<a@b.example> NOTIFY=DELAY,DELAY", "501 5.5.4 column 22"},
    {"RCPT TO:<a@b.example> NOTIFY=DELAY,", "501 5.5.4 column 22"},
    {"RCPT TO:<a@b.example> NOTIFY=", "501 5.5.4 column 22"},
    {"RCPT TO:<a@b.example> NOTIFY", "501 5.5.4 column 22"},
    {"RCPT TO:<a@b.example> NOTIFY=NOW", "501 5.5.4 column 22"},
    {"RCPT TO:<a@b.example> ORCPT=rfc822;c+2Bd@b.example", "rcpt <a@b.example> orcpt=rfc822;c+d@b.example"},
    {"RCPT TO:<a@b.example> ORCPT=x400;/C=DE/+20S+3Dx/", "501 5.5.4 column 22"},   // a bare "="
    {"RCPT TO:<a@b.example> ORCPT=x400;/C+3DDE/", "rcpt <a@b.example> orcpt=x400;/C=DE/"},
    {"RCPT TO:<a@b.example> ORCPT=c@b.example", "501 5.5.4 column 22"},
    {"RCPT TO:<a@b.example> ORCPT=;c@b.example", "501 5.5.4 column 22"},
    {"RCPT TO:<a@b.example> ORCPT=rfc822;", "501 5.5.4 column 22"},
    {"RCPT TO:<a@b.example> ORCPT=rfc822;a+0Ab", "501 5.5.4 column 22"},
    {"RCPT TO:<a@b.example> ORCPT=rfc822;\xC3\xA4", "501 5.5.4 column 22"},
    {"RCPT TO:<a@b.example> ORCPT=utf-8;\xC3\xA4@b.example", "rcpt <a@b.example> orcpt=utf-8;\xC3\xA4@b.example"},   // RFC 6533
    {"RCPT TO:<a@b.example> ORCPT=rfc822;+C3+A4@b.example", "rcpt <a@b.example> orcpt=utf-8;\xC3\xA4@b.example"},   // Postfix
    {"RCPT TO:<a@b.example> ORCPT=rfc822;+C3@b.example", "501 5.5.4 column 22"},
    {"RCPT TO:<a@b.example> ORCPT=utf-8;a+0Ab", "501 5.5.4 column 22"},
    {"RCPT TO:<a@b.example> ORCPT=utf-8;a+FF", "501 5.5.4 column 22"},
    {"RCPT TO:<a@b.example> ORCPT=utf-8;\\x{E4}@b.example", "rcpt <a@b.example> orcpt=utf-8;\\x{E4}@b.example"},
    {"RCPT TO: <a@b.example>", "501 5.5.4 column 8"},

    {"DATA", "data"},
    {"DATA now", "501 5.5.4 column 5"},
    {"BDAT 0", "bdat 0"},
    {"BDAT 1000 LAST", "bdat 1000 last"},
    {"bdat 18446744073709551615 last", "bdat 18446744073709551615 last"},
    {"BDAT", "501 5.5.4 column 4"},
    {"BDAT LAST", "501 5.5.4 column 5"},
    {"BDAT -1", "501 5.5.4 column 5"},
    {"BDAT 0x10", "501 5.5.4 column 5"},
    {"BDAT 18446744073709551616", "501 5.5.4 column 5"},                       // 2^64 does not wrap
    {"BDAT 10 LAST LAST", "501 5.5.4 column 5"},
    {"BDAT 10 FIRST", "501 5.5.4 column 5"},
    {"RSET", "rset"},
    {"NOOP anything", "noop"},
    {"VRFY ann", "vrfy"},
    {"VRFY ann smtputf8", "vrfy utf8"},
    {"VRFY SMTPUTF8", "vrfy"},
    {"VRFY \xC3\xA4", "vrfy \xC3\xA4"},
    {"VRFY \xC3\xA4 SMTPUTF8", "vrfy \xC3\xA4 utf8"},
    {"EHLO \xC3\xA4.example", "500 5.5.2 column 5"},
    {"HELP MAIL", "help"},

    {"XCLIENT NAME=spike.porcupine.org ADDR=168.100.189.2", "xclient name=spike.porcupine.org addr=168.100.189.2 port=0 proto= helo= dest=:0"},
    {"xclient port=12345 proto=esmtp helo=+41+2B destaddr=IPV6:2001:DB8::1 destport=25",
     "xclient name= addr= port=12345 proto=ESMTP helo=A+ dest=2001:db8::1:25"},
    {"XCLIENT ADDR=IPV6:2001:db8::2 NAME=[UNAVAILABLE] PORT=[TEMPUNAVAIL]", "xclient name= addr=2001:db8::2 port=0 proto= helo= dest=:0"},
    {"XCLIENT", "501 5.5.4 column 7"},
    {"XCLIENT NAME", "501 5.5.4 column 8"},
    {"XCLIENT NAME=", "501 5.5.4 column 8"},
    {"XCLIENT LOGIN=ann@example.org", "501 5.5.4 column 8"},                   // no identity without a password
    {"XCLIENT NAME=a NAME=b", "501 5.5.4 column 15"},
    {"XCLIENT NAME=a  HELO=b", "501 5.5.4 column 15"},
    {"XCLIENT NAME=a+0D+0AQUIT", "501 5.5.4 column 8"},
    {"XCLIENT NAME=a+20b", "501 5.5.4 column 8"},
    {"XCLIENT NAME=+4", "501 5.5.4 column 8"},
    {"XCLIENT ADDR=2001:db8::2", "501 5.5.4 column 8"},
    {"XCLIENT ADDR=IPV6:192.0.2.1", "501 5.5.4 column 8"},
    {"XCLIENT ADDR=mx.example", "501 5.5.4 column 8"},
    {"XCLIENT PORT=65536", "501 5.5.4 column 8"},
    {"XCLIENT PROTO=HTTP", "501 5.5.4 column 8"},
    {"QUIT", "quit"},
    {"STARTTLS", "starttls"},
    {"STARTTLS x", "501 5.5.4 column 9"},
    {"AUTH PLAIN", "auth PLAIN -"},
    {"AUTH PLAIN =", "auth PLAIN ="},
    {"AUTH PLAIN AGEAYg==", "auth PLAIN AGEAYg=="},
    {"AUTH", "501 5.5.4 column 4"},
    {"AUTH PLAIN a b", "501 5.5.4 column 5"},

    {"EXPN list", "502 5.5.1 column 0"},                                       // 4.2.4: known, not implemented
    {"", "500 5.5.2 column 0"},
    {"FROB", "500 5.5.2 column 0"},
    {"MAILFROM:<a@b.example>", "500 5.5.2 column 0"},
    {"NOOP \x01", "500 5.5.2 column 5"},
    {"NOOP \xC3\xA9", "500 5.5.2 column 5"},
    {std::string_view("NOOP \0", 6), "500 5.5.2 column 5"},
};

} // namespace

TEST_CASE("SMTP command lines") {
    for (const Case& c : cases) {
        INFO(c.line);
        CHECK(describe(parse_command(c.line)) == c.expect);
    }
}

TEST_CASE("shells, paths and line ends do not get through the address grammar") {
    for (std::string_view address : {"a@b.example;id", "a@b.example\nDATA", "a b@c.example", "a@b..example", "a@-b.example",
                                     "@b.example", "a@", "a@b.example>", "<a@b.example>", "a@b@c", "..@b.example",
                                     "a@[1.2.3.4", "a@[300.1.1.1]", "a@b.example\\"}) {
        INFO(address);
        CHECK(std::holds_alternative<BadSyntax>(parse_command(fmt::format("RCPT TO:<{}>", address))));
        CHECK(std::holds_alternative<BadSyntax>(parse_command(fmt::format("MAIL FROM:<{}>", address))));
    }
}

TEST_CASE("ENVID and ORCPT have the lengths of RFC 3461, decoded") {
    const auto mail = [](std::size_t n) { return fmt::format("MAIL FROM:<> ENVID={}+2B", std::string(n - 1, 'x')); };
    CHECK(std::holds_alternative<Command>(parse_command(mail(100))));
    CHECK(std::holds_alternative<BadSyntax>(parse_command(mail(101))));
    const auto rcpt = [](std::size_t n) { return fmt::format("RCPT TO:<a@b.example> ORCPT=rfc822;{}", std::string(n - 7, 'x')); };
    CHECK(std::holds_alternative<Command>(parse_command(rcpt(500))));
    CHECK(std::holds_alternative<BadSyntax>(parse_command(rcpt(501))));
}

TEST_CASE("every verb is found by its name in any case") {
    for (std::size_t i = 0; i < verbs().size(); ++i) {
        CHECK(verb_index(verbs()[i].name) == i);
        CHECK(verb_index(ascii_lower(verbs()[i].name) + " x") == i);
    }
    CHECK_FALSE(verb_index("EHLOX"));
}

TEST_CASE("a web request is recognized") {
    CHECK(is_http_request("GET / HTTP/1.1"));
    CHECK(is_http_request("POST /x HTTP/1.0"));
    CHECK_FALSE(is_http_request("GETAWAY"));
}
