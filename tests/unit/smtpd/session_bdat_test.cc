// BDAT, RFC 3030: chunks, their order, their limits, and what becomes of the octets of a refused one.
#include "talk.h"

using namespace postern;
using namespace postern::smtpd;
using namespace std::string_literals;

namespace {

std::string envelope(std::string_view mail = "MAIL FROM:<bob@example.net>") {
    return fmt::format("S: 220 *\nC: HELO c\nS: 250 *\nC: {}\nS: 250 *\nC: RCPT TO:<ann@example.org>\nS: 250 *\n", mail);
}

std::string bdat(std::string_view bytes, bool last = false) {
    return fmt::format("BDAT {}{}\r\n{}", bytes.size(), last ? " LAST" : "", bytes);
}

} // namespace

TEST_CASE("a message in chunks arrives as it was sent") {
    Talk talk;
    talk.script(envelope());
    talk.send(bdat("Subject: x\r\n\r\n.\r\n.."));
    talk.script("S: 250 2.0.0 Chunk taken\n");
    talk.send(bdat("dots\r"));                                  // a line end between two chunks
    talk.script("S: 250 2.0.0 Chunk taken\n");
    talk.send(bdat("\nend\r\n", true));
    talk.script("S: 250 2.0.0 Queued as *\n");
    REQUIRE(talk.submitted.size() == 1);
    CHECK(talk.submitted[0].body.view() == "Subject: x\r\n\r\n.\r\n..dots\r\nend\r\n");
    CHECK(talk.submitted[0].envelope.body == ipc::BodyKind::seven_bit);
    talk.script("C: MAIL FROM:<>\nS: 250 *\n");
}

TEST_CASE("a whole pipelined transaction, on any cut") {
    const std::string sent = "EHLO c\r\nMAIL FROM:<bob@example.net>\r\nRCPT TO:<ann@example.org>\r\n" + bdat("QUIT\r\n") +
                             bdat("") + bdat("more\r\n") + bdat("", true) + "QUIT\r\n";
    for (std::size_t piece = 1; piece <= sent.size(); ++piece) {
        INFO("pieces of " << piece);
        Talk talk;
        for (std::size_t at = 0; at < sent.size(); at += piece) talk.send(std::string_view(sent).substr(at, piece));
        CHECK(talk.closed());
        REQUIRE(talk.submitted.size() == 1);
        CHECK(talk.submitted[0].body.view() == "QUIT\r\nmore\r\n");
    }
}

TEST_CASE("a zero-length LAST ends a message, even one without any octets") {
    Talk talk;
    talk.script(envelope());
    talk.script("C: BDAT 0 LAST\nS: 250 2.0.0 Queued as *\n");
    CHECK(talk.submitted.at(0).body.empty());
}

TEST_CASE("BINARYMIME takes any octets, and only by BDAT") {
    const std::string bytes = "Subject: x\r\n\r\na\rb\nc\0d"s + std::string(100000, 'x');
    Talk talk;
    talk.script(envelope("MAIL FROM:<bob@example.net> BODY=BINARYMIME"));
    talk.script("C: DATA\nS: 503 5.5.1 BODY=BINARYMIME is sent by BDAT\n");
    talk.send(bdat(bytes, true));
    talk.script("S: 250 2.0.0 Queued as *\n");
    CHECK(talk.submitted.at(0).body.view() == bytes);
    CHECK(talk.submitted.at(0).envelope.body == ipc::BodyKind::binary);
}

TEST_CASE("text in chunks has lines: what has not is refused, and the session goes on behind it") {
    struct Case { std::string body; std::string_view reply; };
    const Case cases[] = {
        {"a\nb\r\n", "S: 550 5.6.0 Message has a bare <LF>*"}, {"a\rb\r\n", "S: 550 5.6.0 Message has a bare <CR>*"},
        {"a\0b\r\n"s, "S: 550 5.6.0 *"}, {std::string(70000, 'x'), "S: 550 5.6.0 *"},
        {"\r\n.\r\nMAIL FROM:<x@evil.example>\n", "S: 550 5.6.0 *"}};
    for (const Case& c : cases) {
        Talk last;
        last.script(envelope());
        last.send(bdat(c.body, true));
        last.script(std::string(c.reply) + "\nC: NOOP\nS: 250 *\n");
        CHECK(last.submitted.empty());
        CHECK(last.session.state() == Session::State::greeted);

        Talk early;                                             // said at the chunk, not at the end
        early.script(envelope());
        early.send(bdat(c.body));
        early.script(c.reply);
        early.send(bdat("RSET\r\nrest\r\n", true));
        early.script("S: 503 5.5.1 *\nC: NOOP\nS: 250 *\n");
        CHECK(early.submitted.empty());
    }
    Talk cr;
    cr.script(envelope());
    cr.send(bdat("a\r", true));
    cr.script("S: 550 5.6.0 Message has a bare <CR>*\n");
}

TEST_CASE("a size beyond the limit is refused as soon as it is announced, and its octets are no commands") {
    Limits limits;
    limits.message_bytes = 1000;
    Talk talk(relay, limits);
    talk.script(envelope());
    talk.script("C: BDAT 1001\nS: 552 5.3.4 *\n");
    talk.send(std::string(1001 - 6, 'x') + "QUIT\r\n");
    talk.script("C: NOOP\nS: 250 *\n");

    talk.script("C: MAIL FROM:<bob@example.net>\nS: 250 *\nC: RCPT TO:<ann@example.org>\nS: 250 *\n");
    talk.send(bdat(std::string(600, 'x')));
    talk.script("S: 250 *\n");
    talk.send("BDAT 401 LAST\r\n");
    talk.script("S: 552 5.3.4 *\n");
    talk.send(std::string(401, 'x'));
    talk.script("C: NOOP\nS: 250 *\n");

    talk.script("C: MAIL FROM:<bob@example.net>\nS: 250 *\nC: RCPT TO:<ann@example.org>\nS: 250 *\n");
    talk.send(bdat(std::string(600, 'x')));
    talk.script("S: 250 *\n");
    talk.send(bdat(std::string(400, 'y'), true));
    talk.script("S: 250 *\n");
    CHECK(talk.submitted.size() == 1);

    Talk endless(relay, limits);
    endless.script(envelope());
    endless.script("C: BDAT 18446744073709551615 LAST\nS: 552 5.3.4 *\nC: QUIT\n");
    CHECK(endless.take_replies().empty());
}

TEST_CASE("chunks out of place are refused, and their octets forgotten") {
    Talk talk;
    talk.script("S: 220 *\n");
    talk.send(bdat("QUIT\r\n"));                                // before EHLO
    talk.script("S: 503 5.5.1 *\nC: HELO c\nS: 250 *\n");
    talk.send(bdat("QUIT\r\n", true));                          // before MAIL
    talk.script("S: 503 5.5.1 *\nC: MAIL FROM:<>\nS: 250 *\nC: RCPT TO:<nobody@example.org>\nS: 550 *\n");
    talk.send(bdat("QUIT\r\n") + bdat("QUIT\r\n", true));       // without a recipient
    talk.script("S: 503 5.5.1 *\nS: 503 5.5.1 *\nC: RCPT TO:<ann@example.org>\nS: 250 *\n");
    talk.send(bdat("x\r\n", true) + bdat("QUIT\r\n", true));    // behind LAST
    talk.script("S: 250 *\nS: 503 5.5.1 *\nC: NOOP\nS: 250 *\n");

    Talk user(submission);
    user.script("S: 220 *\nC: HELO c\nS: 250 *\n");
    user.send(bdat("QUIT\r\n", true));
    user.script("S: 530 5.7.0 *\nC: NOOP\nS: 250 *\n");
}

TEST_CASE("between two chunks: RSET, EHLO and NOOP, but no MAIL, RCPT or DATA") {
    Talk talk;
    talk.script(envelope());
    talk.send(bdat("one\r\n"));
    talk.script(R"(
        S: 250 *
        C: NOOP
        S: 250 *
        C: MAIL FROM:<x@example.net>
        S: 503 5.5.1 *
        C: RCPT TO:<ben@example.org>
        S: 503 5.5.1 *
        C: DATA
        S: 503 5.5.1 The message has begun by BDAT*
        C: RSET
        S: 250 *
        C: BDAT 0 LAST
        S: 503 5.5.1 *
        C: MAIL FROM:<bob@example.net>
        S: 250 *
        C: RCPT TO:<ann@example.org>
        S: 250 *
    )");
    talk.send(bdat("two\r\n", true));
    talk.script("S: 250 *\n");
    CHECK(talk.submitted.at(0).body.view() == "two\r\n");
    Talk again;
    again.script(envelope());
    again.send(bdat("one\r\n"));
    again.script("S: 250 *\nC: HELO c\nS: 250 *\nC: BDAT 0 LAST\nS: 503 *\n");
    CHECK(again.submitted.empty());
}

TEST_CASE("what follows a BDAT that is not understood is no command") {
    for (const std::string_view line : {"BDAT\r\n", "BDAT x\r\n", "BDAT 5 FIRST\r\n", "BDAT 99999999999999999999\r\n",
                                        "BDAT 5\n", "bdat 5 \x01\r\n"}) {
        INFO(line);
        Talk talk;
        talk.script(envelope());
        talk.send(std::string(line) + "MAIL FROM:<smuggled@evil.example>\r\n");
        CHECK(talk.take_replies().starts_with("50"));
        CHECK(talk.closed());
        CHECK(talk.submitted.empty());
    }
}

TEST_CASE("a large message in chunks goes to the descriptor qmgr opened") {
    Limits limits;
    limits.inline_bytes = 1000;
    std::string body;
    for (int i = 0; i < 3000; ++i) body += fmt::format("line {}\r\n", i);
    for (std::size_t chunk : {std::size_t{77}, std::size_t{1000}, std::size_t{1001}, std::size_t{40000}}) {
        INFO("chunks of " << chunk);
        Talk talk(relay, limits);
        talk.script(envelope());
        for (std::size_t at = 0; at < body.size(); at += chunk) {
            talk.send(bdat(std::string_view(body).substr(at, chunk)));
            talk.script("S: 250 *\n");
        }
        talk.script("C: BDAT 0 LAST\nS: 250 2.0.0 Queued as *\n");
        CHECK(talk.large == body);
        CHECK(talk.submitted.at(0).large == 42);
        CHECK(talk.submitted.at(0).body.empty());
        CHECK(talk.tells.empty());
    }
}

TEST_CASE("a chunk is answered when its octets have a place") {
    Limits limits;
    limits.inline_bytes = 10;
    for (const bool last : {false, true}) {
        Talk talk(relay, limits);
        talk.script(envelope());
        talk.hold = true;
        talk.send(bdat("0123456789\r\n", last));
        CHECK(talk.take_replies().empty());
        CHECK_FALSE(talk.session.has_room());
        talk.hold = false;
        talk.answer_held(0);
        talk.script(last ? "S: 250 2.0.0 Queued as *\n" : "S: 250 2.0.0 Chunk taken\n");
        CHECK(talk.large == "0123456789\r\n");
    }
}

TEST_CASE("a large message that cannot be kept is given up at the chunk") {
    Limits limits;
    limits.inline_bytes = 10;
    Talk full(relay, limits);
    full.large_status = ipc::SubmitStatus::no_space;
    full.script(envelope());
    full.send(bdat("0123456789\r\n") + bdat("more\r\n", true));
    full.script("S: 452 4.3.1 *\nS: 503 5.5.1 *\nC: NOOP\nS: 250 *\n");
    CHECK(full.submitted.empty());

    Talk reset(relay, limits);
    reset.script(envelope());
    reset.send(bdat("0123456789\r\n"));
    reset.script("S: 250 *\nC: RSET\nS: 250 *\n");
    REQUIRE(reset.tells.size() == 1);
    CHECK(std::get<ipc::AbandonLarge>(reset.tells[0]).token == 42);

    Talk bad(relay, limits);
    bad.script(envelope());
    bad.send(bdat("0123456789\r\n") + bdat("a\nb"));
    bad.script("S: 250 *\nS: 550 5.6.0 *\n");
    REQUIRE(bad.tells.size() == 1);

    Talk gone(relay, limits);
    gone.script(envelope());
    gone.send(bdat("0123456789\r\n"));
    gone.session.peer_closed();
    gone.perform();
    REQUIRE(gone.tells.size() == 1);
}

TEST_CASE("a loop is seen in chunks, too") {
    Talk talk;
    talk.script(envelope());
    std::string header;
    for (int hop = 0; hop < 101; ++hop) header += "Received: from a by b\r\n";
    talk.send(bdat(header) + bdat("\r\nx\r\n", true));
    talk.script("S: 250 *\nS: 554 5.4.6 *\n");
    CHECK(talk.submitted.empty());
}
