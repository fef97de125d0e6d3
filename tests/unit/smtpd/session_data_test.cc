// What happens to a message between DATA and 250.
#include "libcommon/text.h"
#include "talk.h"

using namespace postern;
using namespace postern::smtpd;
using namespace std::string_literals;

namespace {

constexpr std::string_view envelope = R"(
    S: 220 *
    C: HELO client.example
    S: 250 *
    C: MAIL FROM:<bob@example.net>
    S: 250 *
    C: RCPT TO:<ann@example.org>
    S: 250 *
    C: DATA
    S: 354 *
)";

std::string lines(std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += "0123456789012345678901234567890123456789012345678901234567890\r\n";
    return text;
}

} // namespace

TEST_CASE("qmgr's answer is the client's") {
    struct Case { ipc::SubmitStatus status; std::string_view reply; };
    for (const Case& c : {Case{ipc::SubmitStatus::refused, "550 5.7.1 *"}, Case{ipc::SubmitStatus::no_space, "452 4.3.1 *"},
                          Case{ipc::SubmitStatus::unavailable, "451 4.3.0 *"}}) {
        Talk talk;
        talk.submit_status = c.status;
        talk.script(envelope);
        talk.script("C: x\nC: .\nS: " + std::string(c.reply) + "\nC: MAIL FROM:<>\nS: 250 *\n");
    }
}

TEST_CASE("no 250 before qmgr has said that the message is on disk") {
    Talk talk;
    talk.script(envelope);
    talk.hold = true;
    talk.send("x\r\n.\r\nQUIT\r\n");
    CHECK(talk.take_replies().empty());
    CHECK(talk.session.waits());
    talk.hold = false;
    talk.answer_held(0);
    talk.script("S: 250 2.0.0 Queued as *\nS: 221 *\n");
}

TEST_CASE("a large body goes to the descriptor qmgr opened") {
    Limits limits;
    limits.inline_bytes = 1000;
    const std::string body = lines(5000);
    for (std::size_t chunk : {std::size_t{100}, std::size_t{5000}, std::size_t{1000000}}) {
        Talk talk(relay, limits);
        talk.script(envelope);
        for (std::size_t at = 0; at < body.size(); at += chunk) talk.send(std::string_view(body).substr(at, chunk));
        talk.send(".\r\n");
        talk.script("S: 250 2.0.0 Queued as *\n");
        CHECK(talk.large == body);
        CHECK(talk.submitted.at(0).large == 42);
        CHECK(talk.submitted.at(0).body.empty());
        CHECK(talk.tells.empty());
    }
}

TEST_CASE("while the large body is being opened nothing more is read") {
    Limits limits;
    limits.inline_bytes = 1000;
    Talk talk(relay, limits);
    talk.script(envelope);
    talk.hold = true;
    const std::string body = lines(30);
    CHECK(talk.session.receive(body, Talk::now) == body.size());
    talk.perform();
    CHECK_FALSE(talk.session.has_room());
    CHECK(talk.session.receive("more", Talk::now) == 0);
    talk.hold = false;
    talk.answer_held(0);
    CHECK(talk.session.has_room());
    talk.script("C: .\nS: 250 *\n");
    CHECK(talk.large == body);
}

TEST_CASE("a large body that cannot be opened, or turns out bad, is taken to its end and given up") {
    Limits limits;
    limits.inline_bytes = 1000;
    Talk refused(relay, limits);
    refused.large_status = ipc::SubmitStatus::no_space;
    refused.script(envelope);
    refused.send(lines(100) + ".\r\n");
    refused.script("S: 452 4.3.1 *\nC: NOOP\nS: 250 *\n");
    CHECK(refused.submitted.empty());

    Talk bad(relay, limits);
    bad.script(envelope);
    bad.send(lines(100));
    bad.send("a\0b\r\n"s + lines(100) + ".\r\n");
    bad.script("S: 550 5.6.0 *\nC: NOOP\nS: 250 *\n");
    CHECK(bad.submitted.empty());
    REQUIRE(bad.tells.size() == 1);
    CHECK(std::get<ipc::AbandonLarge>(bad.tells[0]).token == 42);

    Talk gone(relay, limits);
    gone.script(envelope);
    gone.send(lines(100));
    gone.session.peer_closed();
    gone.perform();
    REQUIRE(gone.tells.size() == 1);
}

TEST_CASE("size limits hold at MAIL and at the end of data") {
    Limits limits;
    limits.message_bytes = 1000;
    Talk talk(relay, limits);
    talk.script("S: 220 *\nC: HELO c\nS: 250 *\nC: MAIL FROM:<> SIZE=1001\nS: 552 5.3.4 *\nC: MAIL FROM:<> SIZE=1000\nS: 250 *\n"
                "C: RCPT TO:<ann@example.org>\nS: 250 *\nC: DATA\nS: 354 *\n");
    talk.send(lines(100) + ".\r\n");
    talk.script("S: 552 5.3.4 *\nC: NOOP\nS: 250 *\n");
    CHECK(talk.submitted.empty());
}

TEST_CASE("what recipients take is asked again when the size is known") {
    struct Case { std::string_view recipients; std::size_t size; std::string_view reply; };
    for (const Case& c : {Case{"tight", 50, "250 *"}, Case{"tight", 60, "552 5.2.2 *"}, Case{"ruled", 60, "552 5.2.3 *"},
                          Case{"tight ann", 60, "250 *"}, Case{"ruled ann", 60, "552 5.2.3 *"}}) {
        INFO(c.recipients << " " << c.size);
        Talk talk;
        talk.script("S: 220 *\nC: HELO c\nS: 250 *\nC: MAIL FROM:<>\nS: 250 *\n");
        for (const auto name : split(c.recipients, ' '))
            talk.script(fmt::format("C: RCPT TO:<{}@example.org>\nS: 250 *\n", name));
        talk.script("C: DATA\nS: 354 *\n");
        talk.send(std::string(c.size - 2, 'x') + "\r\n.\r\n");
        talk.script(fmt::format("S: {}\nC: MAIL FROM:<>\nS: 250 *\n", c.reply));
        CHECK(talk.submitted.size() == (c.reply.starts_with("250") ? 1U : 0U));
        if (c.recipients == "tight ann" && !talk.submitted.empty()) CHECK(talk.submitted[0].envelope.recipients.size() == 2);
    }
}

TEST_CASE("an account's limit holds at MAIL and at the end of what it sends") {
    Talk talk(submissions);
    talk.sender_limit = 50;
    talk.script("TLS\nS: 220 *\nC: HELO c\nS: 250 *\n"
                "C: AUTH PLAIN AGFubkBleGFtcGxlLm9yZwBzZWNyZXQ=\nS: 235 *\nC: MAIL FROM:<ann@example.org> SIZE=51\nS: 552 5.3.4 *\n"
                "C: MAIL FROM:<ann@example.org> SIZE=50\nS: 250 *\nC: RCPT TO:<far@example.com>\nS: 250 *\nC: DATA\nS: 354 *\n");
    talk.send("Subject: " + std::string(50, 'x') + "\r\n.\r\n");
    talk.script("S: 552 5.3.4 *\nC: NOOP\nS: 250 *\n");
    CHECK(talk.submitted.empty());
}

TEST_CASE("a line may be as long as configured") {
    Limits limits;
    limits.line_bytes = 2000;
    for (const auto& [length, reply] : {std::pair{998, "250 *"}, std::pair{2000, "250 *"}, std::pair{2001, "550 5.6.0 *"}}) {
        Talk talk(relay, limits);
        talk.script(envelope);
        talk.send(std::string(static_cast<std::size_t>(length), 'x') + "\r\n.\r\n");
        talk.script(fmt::format("S: {}\n", reply));
    }
}

TEST_CASE("a message that went round too often is refused") {
    Talk talk;
    talk.script(envelope);
    for (int hop = 0; hop < 101; ++hop) talk.send("Received: from a by b\r\n");
    talk.script("C:\nC: x\nC: .\nS: 554 5.4.6 *\n");
}

TEST_CASE("limits of recipients: the rest is for another transaction") {
    Limits limits;
    limits.recipients = 3;
    Talk talk(relay, limits);
    talk.script("S: 220 *\nC: HELO c\nS: 250 *\nC: MAIL FROM:<>\nS: 250 *\n");
    for (int i = 0; i < 3; ++i) talk.script(fmt::format("C: RCPT TO:<u{}@example.org>\nS: 250 *\n", i));
    talk.script("C: RCPT TO:<u4@example.org>\nS: 452 4.5.3 *\nC: DATA\nS: 354 *\nC: x\nC: .\nS: 250 *\n");
    CHECK(talk.submitted.at(0).envelope.recipients.size() == 3);
}
