// What of a message's header gets it refused, and what is put right.
#include "talk.h"

using namespace postern;
using namespace postern::smtpd;

namespace {

constexpr std::string_view relay_envelope = R"(
    S: 220 *
    C: HELO c
    S: 250 *
    C: MAIL FROM:<bob@example.net>
    S: 250 *
    C: RCPT TO:<ann@example.org>
    S: 250 *
)";

Limits with(HeaderChecks relay) {
    Limits limits;
    limits.header_checks = relay;
    return limits;
}

// The reply to a message on port 25, the same by DATA and by BDAT, in memory and in a file.
std::string reply_to_header(std::string header, Limits limits) {
    std::string first;
    for (const bool chunked : {false, true}) {
        for (const std::uint64_t inline_bytes : {std::uint64_t{100'000}, std::uint64_t{10}}) {
            limits.inline_bytes = inline_bytes;
            Talk talk(relay, limits);
            talk.script(relay_envelope);
            const std::string message = header + "\r\nbody\r\n";
            if (chunked) {
                talk.send(fmt::format("BDAT {} LAST\r\n{}", message.size(), message));
            } else {
                talk.script("C: DATA\nS: 354 *\n");
                talk.send(message + ".\r\n");
            }
            std::string reply = talk.take_replies();
            if (first.empty()) first = reply;
            CHECK(reply == first);
            CHECK(talk.submitted.size() == (reply.starts_with("250") ? 1 : 0));
            CHECK_FALSE(talk.closed());
        }
    }
    return first.substr(0, first.find("\r\n"));
}

} // namespace

TEST_CASE("each rule of the header: from which checks on, and what it says") {
    struct Case { std::string_view header; HeaderChecks from; std::string_view reply; };
    using enum HeaderChecks;
    constexpr std::string_view whole = "From: a@b.example\r\nDate: Sat, 21 Nov 2026 08:20:00 +0000\r\n";
    const Case cases[] = {
        {"From: c@d.example\r\n", author, "550 5.6.0 Message has more than one From header (RFC 5322 section 3.6)"},
        {"from : c@d.example\r\n", author, "550 5.6.0 Message has more than one From header (RFC 5322 section 3.6)"},
        {"Sender: c@d\r\nSENDER: e@f\r\n", author, "550 5.6.0 Message has more than one Sender header (RFC 5322 section 3.6)"},
        {"Subject: a\r\nSubject: b\r\n", shown, "550 5.6.0 Message has more than one Subject header (RFC 5322 section 3.6)"},
        {"To: a\r\nCc: a\r\nTo: b\r\n", shown, "550 5.6.0 Message has more than one To header (RFC 5322 section 3.6)"},
        {"Cc: a\r\nCc: b\r\n", shown, "550 5.6.0 Message has more than one Cc header (RFC 5322 section 3.6)"},
        {"Date: x\r\n", shown, "550 5.6.0 Message has more than one Date header (RFC 5322 section 3.6)"},
        {"Reply-To: a\r\nReply-To: b\r\n", shown, "550 5.6.0 Message has more than one Reply-To header (RFC 5322 section 3.6)"},
        {"Message-ID: a\r\nMessage-ID: b\r\n", strict, "550 5.6.0 Message has more than one Message-ID header (RFC 5322 section 3.6)"},
        {"In-Reply-To: a\r\nIn-Reply-To: b\r\n", strict, "550 5.6.0 Message has more than one In-Reply-To header (RFC 5322 section 3.6)"},
        {"References: a\r\nReferences: b\r\n", strict, "550 5.6.0 Message has more than one References header (RFC 5322 section 3.6)"},
        {"no field\r\n", strict, "550 5.6.0 Message has a line in its header that is no header field (RFC 5322 section 2.2)"},
        {"Subject: Gr\xC3\xBC\xC3\x9F\r\n", strict,
         "550 5.6.0 Message has octets beyond ASCII in its header, and MAIL did not say SMTPUTF8 (RFC 6532 section 3)"},
    };
    for (const Case& c : cases) {
        for (const HeaderChecks checks : {off, author, shown, strict}) {
            INFO(c.header << " with " << header_checks_names[static_cast<std::size_t>(checks)]);
            const std::string reply = reply_to_header(std::string(whole) + std::string(c.header), with(checks));
            CHECK(reply == (checks >= c.from ? c.reply : "250 2.0.0 Queued as 00000020000000000008000003"));
        }
    }
    CHECK(reply_to_header("Date: x\r\n", with(strict)) == "550 5.6.0 Message has no From header (RFC 5322 section 3.6)");
    CHECK(reply_to_header("From: a@b\r\n", with(strict)) == "550 5.6.0 Message has no Date header (RFC 5322 section 3.6)");
    CHECK(reply_to_header("", with(shown)).starts_with("250 "));
}

TEST_CASE("fields that may come often, and what stands in the body, break no rule") {
    CHECK(reply_to_header("From: a@b.example\r\nDate: x\r\nReceived: a\r\nReceived: b\r\nComments: c\r\nComments: d\r\nResent-From: e@f\r\nResent-From: g@h\r\n"
                          "\r\nFrom: x@y\r\nno field\r\n\xFF\r\n", with(HeaderChecks::strict)).starts_with("250 "));
}

TEST_CASE("a header beyond its limit is refused") {
    Limits limits;
    limits.header_bytes = 1000;
    CHECK(reply_to_header("X: " + std::string(990, 'x') + "\r\n", limits).starts_with("250 "));
    std::string many;
    while (many.size() < 1010) many += "X: y\r\n";
    CHECK(reply_to_header(many, limits) == "552 5.3.4 Header of the message is larger than this server takes");
}

TEST_CASE("a header refusal is counted by its rule, and logged with what the client was told") {
    Talk talk;
    talk.script(relay_envelope);
    talk.script("C: DATA\nS: 354 *\nC: From: a@b\nC: From: c@d\nC: Message-ID: <x@y>\nC:\nC: .\nS: 550 5.6.0 *\nC: NOOP\nS: 250 *\n");
    const auto* rule = std::get_if<event::HeaderRefused>(&talk.events.at(talk.events.size() - 2));
    REQUIRE(rule);
    CHECK(header_rules()[rule->rule].name == "author-twice");
    const auto* refused = std::get_if<event::MessageRefused>(&talk.events.back());
    REQUIRE(refused);
    CHECK(refused->message_id == "<x@y>");
    CHECK(refused->reason == "Message has more than one From header (RFC 5322 section 3.6)");
}

TEST_CASE("the header of a binary message has lines") {
    Talk talk;
    talk.send("EHLO c\r\nMAIL FROM:<bob@example.net> BODY=BINARYMIME\r\nRCPT TO:<ann@example.org>\r\n");
    talk.take_replies();
    const std::string message = "X: y\nFrom: a@b\r\n\r\n\n";
    talk.send(fmt::format("BDAT {} LAST\r\n{}", message.size(), message));
    talk.script("S: 550 5.6.0 Header of a binary message*\nC: NOOP\nS: 250 *\n");
}
