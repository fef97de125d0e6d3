// TESTCARD D and G: what clients should not do.
#include "talk.h"

#include "libcommon/text.h"

#include <algorithm>

using namespace postern;
using namespace postern::smtpd;
using namespace std::literals;

namespace {

std::size_t count_replies(std::string_view text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }

const std::string false_ends[] = {
    "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\n.\r", "\r.\n",
    "\r\r\n.\r\r\n", "\r\r\n.\r\n", "\r\n.\r\r\n", "\n\n.\n\n", "\n\r.\r\n", "\r\n.\n\r\n", "\r\n\0.\r\n"s, "\r\n.\0\r\n"s,
};

// Behind each variant stands a second message, sent whole, in halves and byte by byte.
template <class Check> void try_to_smuggle(const Limits& limits, Check check) {
    const std::string second = "MAIL FROM:<smuggled@evil.example>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\nsmuggled\r\n.\r\n";
    for (const std::string& variant : false_ends) {
        for (std::size_t chunk : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{10000}}) {
            INFO(printable(variant) << " in chunks of " << chunk);
            Talk talk(relay, limits);
            talk.send("EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n");
            talk.take_replies();
            const std::string sent = "body" + variant + second;
            for (std::size_t at = 0; at < sent.size(); at += chunk) talk.send(std::string_view(sent).substr(at, chunk));
            check(talk, variant);
        }
    }
}

} // namespace

// D1. There is one reply and nothing is accepted; the connection is closed, so that nothing behind the message is taken
// for a command.
TEST_CASE("no variant of the end of data smuggles a message") {
    try_to_smuggle({}, [](Talk& talk, const std::string& variant) {
        const std::string replies = talk.take_replies();
        CHECK(replies.starts_with("550 5.6.0 "));
        CHECK(count_replies(replies) == 1);
        CHECK(talk.submitted.empty());
        if (variant.find('\0') == std::string::npos) CHECK(talk.closed());
    });
}

TEST_CASE("none does where line ends are normalized") {
    Limits limits;
    limits.line_ends = LineEnds::normalize;
    try_to_smuggle(limits, [](Talk& talk, const std::string& variant) {
        const std::string replies = talk.take_replies();
        CHECK(count_replies(replies) == 1);
        CHECK(talk.submitted.empty() == (variant.find('\0') != std::string::npos));
        if (talk.submitted.empty()) return;
        CHECK(replies.starts_with("250 "));
        REQUIRE(talk.submitted.size() == 1);
        CHECK(talk.submitted[0].envelope.reverse_path.view() == "a@b.example");
        const bool ends = variant == "\r\r\n.\r\n";           // it does, but nothing behind it is heard
        CHECK(talk.closed() == ends);
        CHECK((talk.submitted[0].body.view().find("DATA\r\nsmuggled\r\n") != std::string_view::npos) == !ends);
    });
}

// D3, lesson 14.
TEST_CASE("bytes waiting behind STARTTLS close the connection") {
    Talk talk;
    talk.send("EHLO c\r\n");
    talk.take_replies();
    talk.send("STARTTLS\r\nMAIL FROM:<injected@evil.example>\r\n");
    CHECK(talk.take_replies().starts_with("521 "));
    CHECK(talk.closed());
    CHECK_FALSE(talk.start_tls);

    Talk split;                                          // in two segments: the second meets the handshake
    split.send("EHLO c\r\nSTARTTLS\r\n");
    split.take_replies();
    CHECK(split.start_tls);
    CHECK_FALSE(split.session.has_room());
    CHECK(split.session.receive("NOOP\r\n", Talk::now) == 0);
}

TEST_CASE("TLS starts the conversation anew") {
    Talk talk;
    talk.script("S: 220 *\nC: HELO c\nS: 250 *\nC: STARTTLS\nS: 220 2.0.0 *\nTLS\nC: MAIL FROM:<>\nS: 503 5.5.1 *\n"
                "C: HELO c\nS: 250 *\nC: STARTTLS\nS: 503 5.5.1 TLS is already active\n");
    Talk without(relay, {}, false);
    without.script("S: 220 *\nC: HELO c\nS: 250 *\nC: STARTTLS\nS: 454 4.7.0 *\n");
}

// D5.
TEST_CASE("foreign recipients in any disguise are refused on port 25") {
    for (std::string_view path :
         {"<a@elsewhere.example>", "<@example.org:a@elsewhere.example>", "<\"a@elsewhere.example\"@elsewhere.example>",
          "<a%example.org@elsewhere.example>", "<a@[192.0.2.7]>", "<a@[IPv6:2001:db8::1]>", "<a@example.org.elsewhere.example>",
          "<elsewhere.example!a@elsewhere.example>", "<a@EXAMPLE.ORG.>", "<a@example.org@elsewhere.example>", "<a>",
          "<a@localhost>", "<@elsewhere.example>", "<\"\"@elsewhere.example>"}) {
        for (std::string_view from : {"<>", "<ann@example.org>", "<a@elsewhere.example>"}) {
            INFO(path << " from " << from);
            Talk talk;
            talk.send(fmt::format("EHLO c\r\nMAIL FROM:{}\r\n", from));
            talk.take_replies();
            talk.send(fmt::format("RCPT TO:{}\r\n", path));
            CHECK(talk.take_replies().starts_with("5"));
        }
    }
}

TEST_CASE("a failed login opens nothing") {
    Talk talk(submissions);
    talk.script("TLS\nS: 220 *\nC: EHLO c\nS: 250-mx.example.org\nS: 250-PIPELINING\nS: 250-SIZE 26214400\nS: 250-8BITMIME\n"
                "S: 250-ENHANCEDSTATUSCODES\nS: 250-CHUNKING\nS: 250-BINARYMIME\nS: 250-SMTPUTF8\nS: 250-DSN\nS: 250-LIMITS RCPTMAX=1000\n"
                "S: 250-REQUIRETLS\nS: 250-AUTH SCRAM-SHA-256 PLAIN LOGIN\nS: 250-FUTURERELEASE *\nS: 250 HELP\nC: AUTH PLAIN AGFubkBleGFtcGxlLm9yZwB3cm9uZw==\n"
                "S: 535 5.7.8 *\nC: MAIL FROM:<ann@example.org>\nS: 530 5.7.0 *\nC: RCPT TO:<ann@example.org>\nS: 530 5.7.0 *\n"
                "C: DATA\nS: 530 5.7.0 *\nC: VRFY ann\nS: 530 5.7.0 *\n");
}

TEST_CASE("an answer of ok without a handle and an account is no login") {
    Talk talk(submissions);
    talk.script("TLS\nS: 220 *\nC: HELO c\nS: 250 *\n");
    talk.hold = true;
    talk.send("AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=\r\n");
    talk.answer_with(talk.questions.at(0), ipc::LoginResult{ipc::LoginStatus::ok, {}, 7, "ann@example.org"});
    CHECK(talk.take_replies().starts_with("454 "));
}

// G1, from any address there is.
TEST_CASE("AUTH is neither offered nor taken before TLS, nor ever on port 25") {
    Talk before(submission);
    before.send("EHLO c\r\n");
    CHECK(before.take_replies().find("AUTH") == std::string::npos);
    before.script("C: AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=\nS: 538 5.7.11 *\nC: AUTH LOGIN\nS: 538 5.7.11 *\n");

    Talk port25;
    port25.send("EHLO c\r\nSTARTTLS\r\n");
    port25.session.tls_started("TLSv1.3", "x");
    port25.send("EHLO c\r\n");
    CHECK(port25.take_replies().find("AUTH") == std::string::npos);
    port25.script("C: AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=\nS: 503 5.5.1 *\n");
}

// G2.
TEST_CASE("odd AUTH exchanges end themselves only") {
    Talk talk(submissions);
    talk.script("TLS\nS: 220 *\nC: HELO c\nS: 250 *\n");
    talk.send("AUTH PLAIN " + std::string(200000, 'A') + "\r\n");
    talk.script("S: 500 5.5.6 *\nC: NOOP\nS: 250 *\nC: AUTH PLAIN\nS: 334 *\n");
    talk.send(std::string(200000, 'A') + "\r\n");
    talk.script("S: 500 5.5.6 *\nC: NOOP\nS: 250 *\nC: AUTH PLAIN !!!!\nS: 501 5.5.2 *\nC: AUTH LOGIN\nS: 334 *\nC: =\nS: 501 5.5.2 *\n");
    // authzid must be the same identity: maddy's CVE-2023-27582. authd decides, we only carry it.
    talk.script("C: AUTH PLAIN " + to_base64("bob\0ann@example.org\0secret"s) + "\nS: 535 5.7.8 *\n");
    talk.script("C: AUTH PLAIN " + to_base64("ann@example.org\0ann@example.org\0secret"s) + "\nS: 235 *\n");
    talk.script("C: AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=\nS: 503 5.5.1 *\nC: MAIL FROM:<ann@example.org>\nS: 250 *\n"
                "C: AUTH LOGIN\nS: 503 5.5.1 *\n");
}

TEST_CASE("guessing passwords ends the connection") {
    Talk talk(submissions);
    talk.script("TLS\nS: 220 *\nC: HELO c\nS: 250 *\n");
    for (int i = 0; i < 4; ++i) talk.script("C: AUTH PLAIN AGFubkBleGFtcGxlLm9yZwB3cm9uZw==\nS: 535 5.7.8 *\n");
    talk.script("C: AUTH PLAIN AGFubkBleGFtcGxlLm9yZwB3cm9uZw==\nS: 535 5.7.8 *\nS: 421 4.7.0 *\n");
    CHECK(talk.closed());
}

// D8.
TEST_CASE("garbage on the line costs its sender an error, not us memory") {
    Talk talk;
    talk.take_replies();
    for (std::string_view line : {"EHLO \xC3\xA9\r\n"sv, "MAIL FROM:<\xFF@b>\r\n"sv, "NO\0OP\r\n"sv, "NOOP\n"sv, "NO\rOP\r\n"sv}) {
        talk.send(line);
        CHECK(talk.take_replies().starts_with("500 5.5.2 "));
    }
    for (int i = 0; i < 16; ++i) talk.send(std::string(1024 * 1024, 'x'));
    talk.send("\r\n");
    talk.script("S: 500 5.5.2 Line too long\nC: NOOP\nS: 250 *\n");
    CHECK(talk.session.progress() < 20);
}

TEST_CASE("a web request is shown the door") {
    Talk talk;
    talk.take_replies();
    talk.send("POST / HTTP/1.1\r\nHost: mx.example.org\r\n\r\nEHLO x\r\nMAIL FROM:<a@b.example>\r\n");
    const std::string replies = talk.take_replies();
    CHECK(replies.starts_with("521 "));
    CHECK(count_replies(replies) == 1);
    CHECK(talk.closed());
}

// D9 and D4.
TEST_CASE("the error budget ends a hopeless conversation") {
    Talk talk;
    talk.take_replies();
    int sent = 0;
    while (!talk.closed() && sent < 100) {
        talk.send("FROB\r\n");
        ++sent;
    }
    CHECK(sent == 21);
    const std::string replies = talk.take_replies();
    CHECK(replies.find("\r\n421 4.7.0 Too many errors") != std::string::npos);

    Talk many;
    many.send("HELO c\r\nMAIL FROM:<>\r\n");
    many.take_replies();
    std::string recipients;
    for (int i = 0; i < 10000; ++i) recipients += fmt::format("RCPT TO:<u{}@example.org>\r\n", i);
    many.send(recipients);
    const std::string answers = many.take_replies();
    std::size_t accepted = 0, deferred = 0, refused = 0;
    for (std::string_view line : split(answers, '\n')) {
        accepted += line.starts_with("250");
        deferred += line.starts_with("452");
        refused += line.starts_with("5");
    }
    CHECK(accepted == 1000);
    CHECK(deferred == 21);
    CHECK(refused == 0);
    CHECK(many.closed());
}

TEST_CASE("a client that stops talking is told, and a late answer finds nobody") {
    Talk talk;
    talk.take_replies();
    talk.hold = true;
    talk.send("HELO c\r\nMAIL FROM:<>\r\nRCPT TO:<ann@example.org>\r\n");
    talk.take_replies();
    talk.session.time_out();
    talk.perform();
    CHECK(talk.take_replies().starts_with("421 4.4.2 "));
    CHECK(talk.closed());
    talk.answer_held(0);
    CHECK(talk.take_replies().empty());
}

TEST_CASE("policy defers a recipient in its turn, with the time left, and the transaction goes on") {
    Talk talk;
    talk.send("EHLO c\r\nMAIL FROM:<a@b.example>\r\n");
    talk.take_replies();
    talk.hold = true;
    talk.send("RCPT TO:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\n");
    REQUIRE(talk.questions.size() == 2);
    CHECK(talk.questions[0].first);
    CHECK_FALSE(talk.questions[1].first);
    const Ask second = talk.questions[1];
    talk.answer_with(second, RecipientDeferred{reply_to_rate(ipc::RateKind::client_recipients), "try again in 40 seconds"});
    CHECK(talk.take_replies().empty());
    talk.answer_held(0);
    CHECK(talk.take_replies() == "250 2.1.5 Recipient OK\r\n"
                                 "452 4.5.3 Too many recipients from your address, try again in 40 seconds\r\n");
    talk.hold = false;
    talk.script(R"(C: DATA
                   S: 354 *
                   C: x
                   C: .
                   S: 250 2.0.0 Queued as *)");
    REQUIRE(talk.submitted.size() == 1);
    CHECK(talk.submitted[0].envelope.recipients.size() == 1);
    talk.send("MAIL FROM:<a@b.example>\r\n");
    talk.hold = true;
    talk.send("RCPT TO:<ann@example.org>\r\n");
    CHECK(talk.questions.back().first);                  // of the next transaction
}

TEST_CASE("commands that send no mail have a budget, and a message renews it") {
    Limits limits;
    limits.junk_commands = 10;
    Talk talk(relay, limits);
    talk.send("EHLO c\r\n");
    for (int i = 0; i < 8; ++i) talk.send("NOOP\r\n");
    talk.take_replies();
    talk.script(R"(C: MAIL FROM:<a@b.example>
                   S: 250 *
                   C: RCPT TO:<ann@example.org>
                   S: 250 *
                   C: DATA
                   S: 354 *
                   C: .
                   S: 250 *)");
    for (int i = 0; i < 10; ++i) talk.send("RSET\r\n");
    CHECK(talk.take_replies().find("421") == std::string::npos);
    talk.script("C: HELP\nS: 421 4.7.0 Too many commands that send no mail, closing the connection");
    CHECK(talk.closed());
}

TEST_CASE("who has to make way is told so, in the middle of a message too") {
    Talk talk;
    talk.send("EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\nhalf");
    talk.take_replies();
    talk.session.make_way();
    talk.perform();
    CHECK(talk.take_replies() == "421 4.3.2 Too many connections here now, try again later\r\n");
    CHECK(talk.closed());
    CHECK(talk.submitted.empty());
}
