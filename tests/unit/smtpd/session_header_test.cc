// What of a message's header gets it refused, and what is put right.
#include "talk.h"

#include <fmt/format.h>

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

constexpr std::string_view submission_envelope = R"(
    S: 220 *
    C: HELO laptop
    S: 250 *
    C: STARTTLS
    S: 220 *
    TLS
    C: HELO laptop
    S: 250 *
    C: AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=
    S: 235 *
    C: MAIL FROM:<ann@example.org>
    S: 250 *
    C: RCPT TO:<far@elsewhere.example>
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

// A submission of `message`, the same by DATA and by BDAT, in memory and in a file: "250", the added lines and what of the
// message went on; or the reply.
std::string submitted(std::string_view message, std::string_view envelope = submission_envelope, Limits limits = {}) {
    std::string first;
    for (const bool chunked : {false, true}) {
        for (const std::uint64_t inline_bytes : {std::uint64_t{100'000}, std::uint64_t{10}}) {
            limits.inline_bytes = inline_bytes;
            Talk talk(submission, limits);
            talk.script(envelope);
            if (chunked) talk.send(fmt::format("BDAT {} LAST\r\n", message.size()));
            else talk.script("C: DATA\nS: 354 *\n");
            for (std::size_t at = 0; at < message.size(); at += 7) talk.send(message.substr(at, 7));
            if (!chunked) talk.send(".\r\n");
            std::string outcome = talk.take_replies();
            if (!talk.submitted.empty()) {
                const ipc::Submit& submit = talk.submitted[0];
                const std::string tail(submit.envelope.trace_tail.view());
                outcome = tail.substr(tail.find("+0000\r\n") + 7) + "|" + talk.large + std::string(submit.body.view());
            }
            if (first.empty()) first = outcome;
            CHECK(outcome == first);
        }
    }
    return first;
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

TEST_CASE("what a submission lacks stands in front of it") {
    struct Case { std::string_view message, result; };
    constexpr Case cases[] = {
        {"From: Ann <ann@example.org>\r\nDate: x\r\nMessage-ID: <a@b>\r\n\r\nhello\r\n",
         "|From: Ann <ann@example.org>\r\nDate: x\r\nMessage-ID: <a@b>\r\n\r\nhello\r\n"},
        {"From: Ann <ann@example.org>\r\nMessage-ID: <a@b>\r\n\r\nDate: body\r\n",
         "Date: Sat, 21 Nov 2026 08:20:00 +0000\r\n|From: Ann <ann@example.org>\r\nMessage-ID: <a@b>\r\n\r\nDate: body\r\n"},
        {"Date: x\r\nMessage-ID: <a@b>\r\n\r\n", "From: ann@example.org\r\n|Date: x\r\nMessage-ID: <a@b>\r\n\r\n"},
        {"From: ann@example.org\r\nDate: x\r\n\r\n",
         "Message-ID: <6b015430.0000000000000001.0@example.org>\r\n|From: ann@example.org\r\nDate: x\r\n\r\n"},
        {"\r\nhello\r\n", "From: ann@example.org\r\nDate: Sat, 21 Nov 2026 08:20:00 +0000\r\n"
                          "Message-ID: <6b015430.0000000000000001.0@example.org>\r\n|\r\nhello\r\n"},
        {"From: ann@example.org,\r\n Ann <ann@example.org>\r\nDate: x\r\nMessage-ID: x\r\n\r\n",
         "Sender: ann@example.org\r\n|From: ann@example.org,\r\n Ann <ann@example.org>\r\nDate: x\r\nMessage-ID: x\r\n\r\n"},
    };
    for (const Case& c : cases) {
        INFO(c.message);
        CHECK(submitted(c.message) == c.result);
    }
}

TEST_CASE("a signed submission gets nothing, and loses its Bcc") {
    CHECK(submitted("DKIM-Signature: v=1\r\nFrom: ann@example.org\r\nDate: x\r\nBcc: x@y\r\n\r\n") ==
          "|DKIM-Signature: v=1\r\nFrom: ann@example.org\r\nDate: x\r\n\r\n");
    CHECK(submitted("DKIM-Signature: v=1\r\nFrom: ann@example.org\r\n\r\n") == "550 5.6.0 Message has no Date header (RFC 5322 section 3.6)\r\n");
    Limits limits;
    limits.submission_header_checks = HeaderChecks::shown;
    CHECK(submitted("DKIM-Signature: v=1\r\nSubject: x\r\n\r\n", submission_envelope, limits) == "|DKIM-Signature: v=1\r\nSubject: x\r\n\r\n");
}

TEST_CASE("who gets a blind copy is not in what goes on, however it was written") {
    std::string bcc = "Date: x\r\nbcc :";
    for (int i = 0; i < 200; ++i) bcc += fmt::format(" user{}@elsewhere.example,\r\n\t", i);
    bcc += "\r\nFrom: ann@example.org\r\nRESENT-BCC: z@y\r\nMessage-ID: x\r\nTo: a@b\r\n\r\nBcc: body\r\n";
    CHECK(submitted(bcc) == "|Date: x\r\nFrom: ann@example.org\r\nMessage-ID: x\r\nTo: a@b\r\n\r\nBcc: body\r\n");
}

TEST_CASE("two submissions of a session never share a Message-ID, and the log knows them") {
    Talk talk(submission);
    talk.script(submission_envelope);
    talk.script("C: DATA\nS: 354 *\nC: Subject: a\nC:\nC: .\nS: 250 *\n");
    const auto accepted = std::get<event::MessageAccepted>(talk.events.back());
    CHECK(accepted.message_id == "<6b015430.0000000000000001.0@example.org>");
    talk.script("C: MAIL FROM:<>\nS: 250 *\nC: RCPT TO:<ann@example.org>\nS: 250 *\nC: DATA\nS: 354 *\nC: Subject: a\nC:\nC: .\nS: 250 *\n");
    CHECK(std::get<event::MessageAccepted>(talk.events.back()).message_id == "<6b015430.0000000000000001.1@example.org>");
    CHECK(talk.submitted.at(1).envelope.trace_tail.view().find("\r\nFrom: ann@example.org\r\n") != std::string_view::npos);
}

TEST_CASE("mail from other servers is not put right") {
    Talk talk;
    talk.script(relay_envelope);
    talk.script("C: DATA\nS: 354 *\nC: Subject: x\nC: Bcc: a@b\nC:\nC: .\nS: 250 *\n");
    CHECK(talk.submitted.at(0).body.view() == "Subject: x\r\nBcc: a@b\r\n\r\n");
    CHECK(talk.submitted.at(0).envelope.trace_tail.view().ends_with("+0000\r\n"));
}

TEST_CASE("the client of a submission is shown by option") {
    Limits limits;
    limits.submission_client = true;
    Talk talk(submission, limits);
    talk.script(submission_envelope);
    talk.script("C: DATA\nS: 354 *\nC:\nC: .\nS: 250 *\n");
    CHECK(talk.submitted.at(0).envelope.trace_head.view().starts_with("Received: from laptop ([192.0.2.1])\r\n"));
}

TEST_CASE("a submission is from an address of its account, wherever it says so, and however it is written") {
    struct Case { std::string_view from, reply; };
    constexpr std::string_view ok = "250 ";
    const Case cases[] = {
        {"From: Ann <ANN@Example.org>\r\n", ok},
        {"From: ann+x@example.org\r\nSender: team@example.org\r\n", ok},
        {"From: The team: ann@example.org, Team <team@example.org>;\r\nSender: ann@example.org\r\n", ok},
        {"From: \"ben@example.org\" <ann@example.org> (ben@example.org)\r\n", ok},
        {"From: ann@example.org\r\nReply-To: ben@example.org\r\nTo: ben@example.org\r\n", ok},
        {"From: ben@example.org\r\n", "553 5.7.1 Your account may not send as <ben@example.org>, which the From header names (RFC 6409 section 6.1)\r\n"},
        {"From: ann@example.org,\r\n ben@example.org\r\n", "553 5.7.1 Your account may not send as <ben@example.org>, which the From"},
        {"From: Bosses: ann@example.org, ben@example.org;\r\n", "553 5.7.1 Your account may not send as <ben@example.org>, which the From"},
        {"From: ben@example.org (ann@example.org)\r\n", "553 5.7.1 Your account may not send as <ben@example.org>, which the From"},
        {"From: =?utf-8?q?ben=40example.org?=@example.org\r\n", "553 5.7.1 Your account may not send as <=?utf-8?q?ben=40example.org?=@example.org>"},
        {"From: ann@example.org\r\nSender: ben@example.org\r\n", "553 5.7.1 Your account may not send as <ben@example.org>, which the Sender"},
        {"From: ann@example.org\r\nResent-From: ben@example.org\r\n", "553 5.7.1 Your account may not send as <ben@example.org>, which the Resent-From"},
        {"From: ann@example.org\r\nResent-From: ann@example.org\r\nResent-From: x@y.org\r\n", "553 5.7.1 Your account may not send as <x@y.org>"},
        {"From : ben@example.org\r\n", "553 5.7.1 "},
        {"From:\r\n ben@example.org\r\n", "553 5.7.1 "},
        {"From: ann@example.org\r\nFrom: ben@example.org\r\n", "550 5.6.0 Message has more than one From"},
        {"From: ann@example.org <ben@example.org>\r\n", "553 5.1.7 Not everybody would read the same addresses in the From header (RFC 5322 section 3.6.2)\r\n"},
        {"From: <ann@example.org> ben@example.org\r\n", "553 5.1.7 "},
        {"From: <ann@example.org> (ben@example.org\r\n", "553 5.1.7 "},
        {"From: <@ben.example:ann@example.org>\r\n", "553 5.1.7 "},
        {"From: Nobody:;\r\n", "553 5.1.7 "},
        {"From: ann\r\n", "553 5.1.7 "},
        {"From:\r\n", "553 5.1.7 "},
        {"From: ann@example.org\r\nSender: ann\r\n", "553 5.1.7 Not everybody would read the same addresses in the Sender"},
        {"From: down@example.org\r\n", "451 4.3.0 "},
    };
    for (const Case& c : cases) {
        INFO(c.from);
        const std::string result = submitted(fmt::format("{}Date: x\r\nMessage-ID: x\r\n\r\n", c.from));
        if (c.reply == ok) CHECK(result == fmt::format("|{}Date: x\r\nMessage-ID: x\r\n\r\n", c.from));
        else CHECK(result.substr(0, c.reply.size()) == c.reply);
    }
}

TEST_CASE("while an author is asked about nothing else happens, and the session goes on behind a refusal") {
    Talk talk(submission);
    talk.script(submission_envelope);
    talk.script("C: DATA\nS: 354 *\n");
    talk.hold = true;
    talk.send("From: ben@example.org\r\n\r\n.\r\nRSET\r\n");
    CHECK(talk.take_replies().empty());
    CHECK(talk.session.waits());
    talk.hold = false;
    talk.answer_held(0);
    talk.script("S: 553 5.7.1 *\nS: 250 *\nC: MAIL FROM:<ann@example.org>\nS: 250 *\n");
    CHECK(talk.submitted.empty());

    Limits limits;
    limits.inline_bytes = 10;
    Talk large(submission, limits);                      // its file is given back
    large.script(submission_envelope);
    large.script("C: DATA\nS: 354 *\nC: From: ben@example.org\nC:\nC: .\nS: 553 5.7.1 *\n");
    REQUIRE(large.tells.size() == 1);
    CHECK(std::get<ipc::AbandonLarge>(large.tells[0]).token == 42);
}

TEST_CASE("whom a submission is from is not asked where that is switched off, nor of other servers") {
    Limits limits;
    limits.check_authors = false;
    CHECK(submitted("From: x <y> z@a\r\nDate: x\r\nMessage-ID: x\r\n\r\n", submission_envelope, limits).starts_with("|From: x"));
    CHECK(reply_to_header("From: ben@example.org\r\n", {}).starts_with("250 "));
}

TEST_CASE("behind a doubtful end nothing is heard, whatever becomes of the message") {
    Limits limits;
    limits.line_ends = LineEnds::normalize;
    for (const auto& [from, reply] : {std::pair{"ann@example.org", "250 2.0.0 "}, std::pair{"ben@example.org", "553 5.7.1 "}, std::pair{"ann", "553 5.1.7 "}}) {
        Talk talk(submission, limits);
        talk.script(submission_envelope);
        talk.script("C: DATA\nS: 354 *\n");
        talk.send(fmt::format("From: {}\r\n\r\nx\r\r\n.\r\nNOOP\r\n", from));
        const std::string said = talk.take_replies();
        CHECK(said.starts_with(reply));
        CHECK(std::count(said.begin(), said.end(), '\n') == 1);
        CHECK(talk.closed());
    }
}

TEST_CASE("the header of a message with SMTPUTF8 is UTF-8") {
    struct Case { std::string_view subject; HeaderChecks checks; std::string_view reply; };
    using enum HeaderChecks;
    constexpr std::string_view refused = "550 5.6.0 Header is not UTF-8, which MAIL with SMTPUTF8 said it is (RFC 6532 section 3.1)\r\n";
    const Case cases[] = {
        {"Gr\xC3\xBC\xC3\x9F", strict, "250 "}, {"Gr\xFC\xDF", strict, refused}, {"Gr\xFC\xDF", author, "250 "}, {"\xED\xA0\x80", strict, refused},
    };
    for (const Case& c : cases) {
        for (const bool smtputf8 : {true, false}) {
            Talk talk(relay, with(c.checks));
            talk.send(fmt::format("EHLO c\r\nMAIL FROM:<bob@example.net> BODY=8BITMIME{}\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n", smtputf8 ? " SMTPUTF8" : ""));
            talk.take_replies();
            const std::string message = fmt::format("From: a@b.example\r\nDate: x\r\nSubject: {}\r\n\r\n\xFF\r\n.\r\n", c.subject);
            for (const char& octet : message) talk.send(std::string_view(&octet, 1));
            const std::string reply = talk.take_replies();
            INFO(c.subject << " " << smtputf8 << " " << reply);
            if (smtputf8) CHECK(reply.starts_with(c.reply));
            else CHECK(reply.starts_with(c.checks == strict ? "550 5.6.0 Message has octets beyond ASCII" : "250 "));
        }
    }
}

TEST_CASE("who sends as a granted address is not named beside it") {
    CHECK(submitted("From: team@example.org\r\nDate: x\r\nMessage-ID: x\r\n\r\n") == "|From: team@example.org\r\nDate: x\r\nMessage-ID: x\r\n\r\n");
}
