#include "libmail/smtp_reply.h"

#include <catch2/catch.hpp>

using namespace postern::mail;

namespace {

// "code enhanced [line|line]", "incomplete" or "malformed: why", of bytes that come in pieces of `piece`.
std::string read(std::string_view bytes, std::size_t piece) {
    SmtpReplyReader reader;
    while (!bytes.empty()) {
        std::size_t taken = 0;
        const auto state = reader.take(bytes.substr(0, piece), taken);
        if (state == SmtpReplyReader::State::malformed) return "malformed: " + std::string(reader.fault());
        bytes.remove_prefix(taken);
        if (state == SmtpReplyReader::State::incomplete) continue;
        std::string out = std::to_string(reader.reply().code) + " " + reader.reply().enhanced + " [";
        for (const std::string& line : reader.reply().lines) out += (&line == &reader.reply().lines.front() ? "" : "|") + line;
        return out + "]";
    }
    return "incomplete";
}

struct Case {
    std::string_view bytes, expect;
};
constexpr Case cases[] = {
    {"220 mx.example ESMTP\r\n", "220  [mx.example ESMTP]"},
    {"250\r\n", "250  []"},                                                  // RFC 5321 section 4.2: text is optional
    {"250 OK\n", "250  [OK]"},                                               // a bare LF ends a line of a reply
    {"250-mx.example\r\n250-SIZE 100\r\n250 8BITMIME\r\n", "250  [mx.example|SIZE 100|8BITMIME]"},
    {"550 5.1.1 no such user\r\n", "550 5.1.1 [5.1.1 no such user]"},
    {"550 4.1.1 no such user\r\n", "550  [4.1.1 no such user]"},             // RFC 2034: of another class than the code
    {"250 2.1 half\r\n", "250  [2.1 half]"},
    {"250 2.1000.1 long\r\n", "250  [2.1000.1 long]"},
    {"250 2.0.0\r\n", "250 2.0.0 [2.0.0]"},
    {"250-one\r\n", "incomplete"},
    {"250-one\r\n251 two\r\n", "malformed: a reply of two codes: 251 two"},  // section 4.2.1
    {"hello\r\n", "malformed: no reply: hello"},
    {"\r\n", "malformed: no reply: "},
    {"25\r\n", "malformed: no reply: 25"},
    {"150 no such class\r\n", "malformed: no reply: 150 no such class"},
    {"650 nor this\r\n", "malformed: no reply: 650 nor this"},
    {"250_OK\r\n", "malformed: no reply: 250_OK"},
};

} // namespace

TEST_CASE("replies of SMTP servers") {
    for (const Case& c : cases) {
        for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, c.bytes.size()}) {
            INFO(c.bytes << " in pieces of " << piece);
            CHECK(read(c.bytes, piece) == c.expect);
        }
    }
}

TEST_CASE("the next reply begins where the one before ended") {
    SmtpReplyReader reader;
    const std::string_view bytes = "250 one\r\n354 two\r\n";
    std::size_t taken = 0;
    REQUIRE(reader.take(bytes, taken) == SmtpReplyReader::State::complete);
    CHECK(reader.reply().code == 250);
    CHECK(taken == 9);
    REQUIRE(reader.take(bytes.substr(taken), taken) == SmtpReplyReader::State::complete);
    CHECK(reader.reply().code == 354);
    CHECK(reader.reply().lines == std::vector<std::string>{"two"});
}

TEST_CASE("replies without end are given up, whatever they consist of") {
    const auto ends = [](std::string_view unit, std::size_t most) {
        SmtpReplyReader reader;
        std::size_t taken = 0, sent = 0;
        while (sent < most) {
            if (reader.take(unit, taken) == SmtpReplyReader::State::malformed) return true;
            sent += unit.size();
        }
        return false;
    };
    CHECK(ends("x", SmtpReplyReader::max_line + 2));
    CHECK(ends("250-\r\n", 6 * (SmtpReplyReader::max_lines + 2)));
    CHECK(ends("250-" + std::string(1000, 'x') + "\r\n", SmtpReplyReader::max_text + 2048));
}

TEST_CASE("a reply as one printable line") {
    const auto text = [](SmtpReply reply, std::size_t limit = 512) { return reply.text(limit); };
    CHECK(text({550, "5.1.1", {"5.1.1 no such user"}}) == "550 5.1.1 no such user");
    CHECK(text({550, "5.7.1", {"5.7.1 refused, see", "5.7.1 https://mx.example/why"}}) == "550 5.7.1 refused, see; https://mx.example/why");
    CHECK(text({421, "", {""}}) == "421");
    CHECK(text({554, "", {"a\tb\x1b[31m\xff"}}) == "554 a\\x09b\\x1b[31m\\xff");
    CHECK(text({554, "", {std::string(5000, 'x')}}, 100).size() == 100);
}
