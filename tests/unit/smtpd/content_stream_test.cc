#include "smtpd/content_stream.h"

#include <catch2/catch.hpp>

using namespace postern::smtpd;
using Fault = ContentStream::Fault;
using namespace std::string_literals;

namespace {

constexpr ContentStream::Limits normalizing{1000000, 998, LineEnds::normalize};

struct Outcome {
    std::string message;
    Fault fault = Fault::none;
    bool ended = false;
    std::size_t taken = 0;
};
Outcome feed_chunks(ContentStream::Framing framing, std::string_view bytes, std::size_t chunk,
                    ContentStream::Limits limits = {1000000, 998}) {
    ContentStream stream(framing, limits);
    Outcome outcome;
    while (outcome.taken < bytes.size()) outcome.taken += stream.feed(bytes.substr(outcome.taken, chunk), outcome.message);
    CHECK_FALSE(stream.ended());
    stream.finish(outcome.message);
    outcome.fault = stream.fault();
    outcome.ended = stream.ended();
    return outcome;
}
Outcome feed(std::string_view bytes, std::size_t chunk, ContentStream::Limits limits = {1000000, 998}) {
    ContentStream stream(ContentStream::Framing::dots, limits);
    Outcome outcome;
    while (outcome.taken < bytes.size() && !stream.ended())
        outcome.taken += stream.feed(bytes.substr(outcome.taken, chunk), outcome.message);
    outcome.fault = stream.fault();
    outcome.ended = stream.ended();
    return outcome;
}

// What some server somewhere takes for the end of data.
const std::string false_ends[] = {
    "\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\n.\r", "\r.\n",
    "\r\r\n.\r\r\n", "\r\n.\r\r\n", "\n\n.\n\n", "\r\n\0.\r\n"s, "\r\n.\0\r\n"s, "\n\r.\r\n", "\r\n.\n\r\n",
};

} // namespace

TEST_CASE("a message comes out without its dots, on any chunking") {
    struct Case { std::string_view in, message; };
    constexpr Case cases[] = {
        {".\r\n", ""},
        {"\r\n.\r\n", "\r\n"},
        {"a\r\n.\r\n", "a\r\n"},
        {"..\r\n.\r\n", ".\r\n"},
        {"..a\r\n...\r\n.b\r\n.\r\n", ".a\r\n..\r\nb\r\n"},
        {"a.b.\r\n c\r\n.\r\n", "a.b.\r\n c\r\n"},
    };
    for (const Case& c : cases) {
        for (std::size_t chunk = 1; chunk <= c.in.size(); ++chunk) {
            INFO(c.in << " in chunks of " << chunk);
            const Outcome outcome = feed(std::string(c.in) + "QUIT\r\n", chunk);
            CHECK(outcome.ended);
            CHECK(outcome.fault == Fault::none);
            CHECK(outcome.message == c.message);
            CHECK(outcome.taken == c.in.size());
        }
    }
}

// TESTCARD D1: none of these may end it here; the true end comes afterwards, and the message is refused.
TEST_CASE("nothing but CRLF dot CRLF ends a message") {
    for (const std::string& variant : false_ends) {
        const std::string sent = "body" + variant + "MAIL FROM:<smuggled@evil.example>\r\n.\r\n";
        for (std::size_t chunk : {1, 2, 3, 4, 1000}) {
            INFO(Catch::StringMaker<std::string>::convert(variant) << " in chunks of " << chunk);
            const Outcome outcome = feed(sent, static_cast<std::size_t>(chunk));
            CHECK(outcome.ended);
            CHECK(outcome.taken == sent.size());
            CHECK(outcome.fault != Fault::none);
        }
    }
}

TEST_CASE("CR CR LF dot CR LF holds a literal end, but the message is not taken") {
    const Outcome outcome = feed("body\r\r\n.\r\nMAIL", 1);
    CHECK(outcome.ended);
    CHECK(outcome.fault == Fault::bare_cr);
}

TEST_CASE("faults are told apart, the first one counts") {
    CHECK(feed("a\nb\r\n.\r\n", 100).fault == Fault::bare_lf);
    CHECK(feed("a\rb\r\n.\r\n", 100).fault == Fault::bare_cr);
    CHECK(feed("a\0b\r\n.\r\n"s, 100).fault == Fault::nul);
    CHECK(feed("a\rb\nc\r\n.\r\n", 100).fault == Fault::bare_cr);
    CHECK(feed("\n.\r\n\r\n.\r\n", 100).fault == Fault::bare_lf);
}

TEST_CASE("limits are exact: a line without its CRLF, a message without its dots") {
    CHECK(feed("12345\r\n.\r\n", 3, {7, 5}).fault == Fault::none);
    CHECK(feed("..345\r\n.\r\n", 3, {6, 4}).fault == Fault::none);
    CHECK(feed("123456\r\n.\r\n", 3, {100, 5}).fault == Fault::line_too_long);
    CHECK(feed("12345\r\n1\r\n.\r\n", 3, {9, 5}).fault == Fault::too_large);
}

TEST_CASE("a message that is too large is not kept") {
    ContentStream stream(ContentStream::Framing::dots, {1000, 1000000});
    std::string out;
    for (int i = 0; i < 1000; ++i) stream.feed(std::string(1000, 'x'), out);
    CHECK(out.size() <= 1000);
    CHECK(stream.size() == 1000000);
}

TEST_CASE("chunks of text: dots mean nothing, lines mean as much as ever") {
    using Framing = ContentStream::Framing;
    struct Case { std::string bytes; Fault fault; };
    const Case cases[] = {
        {"", Fault::none},
        {"a\r\n.\r\n..b\r\n.\r\nc", Fault::none},           // a last line without its end is the sender's own
        {"a\r\n.", Fault::none},
        {"a\nb\r\n", Fault::bare_lf},
        {"a\rb\r\n", Fault::bare_cr},
        {"a\r\n\r", Fault::bare_cr},                          // no chunk follows that could bring the LF
        {"\n", Fault::bare_lf},
        {"a\0b\r\n"s, Fault::nul},
        {std::string(999, 'x') + "\r\n", Fault::line_too_long},
    };
    for (const Case& c : cases) {
        for (std::size_t chunk = 1; chunk <= 12; ++chunk) {
            INFO(c.bytes << " in chunks of " << chunk);
            const Outcome outcome = feed_chunks(Framing::chunks, c.bytes, chunk);
            CHECK(outcome.fault == c.fault);
            if (c.fault == Fault::none) CHECK(outcome.message == c.bytes);
            CHECK(feed_chunks(Framing::binary, c.bytes, chunk).message == c.bytes);
            CHECK(feed_chunks(Framing::binary, c.bytes, chunk).fault == Fault::none);
        }
    }
    CHECK(feed_chunks(Framing::chunks, "123456", 4, {5, 100}).fault == Fault::too_large);
    CHECK(feed_chunks(Framing::binary, "123456", 4, {5, 100}).fault == Fault::too_large);
}

TEST_CASE("normalized, every lone CR or LF is a line end of the message, and none of the transport") {
    struct Case { std::string in, message; };
    const Case cases[] = {
        {"a\nb\rc\r\n.\r\n", "a\r\nb\r\nc\r\n"},
        {"a\n\nb\r\rc\n\rd\r\n.\r\n", "a\r\n\r\nb\r\n\r\nc\r\n\r\nd\r\n"},
        {"a\n..b\n.c\r\n..d\r\n.\r\n", "a\r\n..b\r\n.c\r\n.d\r\n"},        // only the transport's dots go
        {"a\n.\n\r\n.\r\n", "a\r\n.\r\n\r\n"},
        {"\n.\r\nb\r\n.\r\n", "\r\n.\r\nb\r\n"},
        {"\r.\r\nb\r\n.\r\n", "\r\n.\r\nb\r\n"},
        {"..\rx\r\n.\rx\r\n.\r\n", ".\r\nx\r\n\r\nx\r\n"},
    };
    for (const Case& c : cases) {
        for (std::size_t chunk = 1; chunk <= c.in.size(); ++chunk) {
            INFO(Catch::StringMaker<std::string>::convert(c.in) << " in chunks of " << chunk);
            const Outcome outcome = feed(c.in + "QUIT\r\n", chunk, normalizing);
            CHECK(outcome.ended);
            CHECK(outcome.taken == c.in.size());
            CHECK(outcome.fault == Fault::none);
            CHECK(outcome.message == c.message);
        }
    }
    for (const std::string& variant : false_ends) {
        const std::string sent = "body" + variant + "MAIL FROM:<smuggled@evil.example>\r\n.\r\n";
        INFO(Catch::StringMaker<std::string>::convert(variant));
        CHECK(feed(sent, 1, normalizing).taken == sent.size());
        CHECK(feed(sent, 1000, normalizing).taken == sent.size());
    }
}

TEST_CASE("normalized chunks: the same, and a NUL is refused as ever; what is binary has no lines") {
    using Framing = ContentStream::Framing;
    for (std::size_t chunk = 1; chunk <= 9; ++chunk) {
        CHECK(feed_chunks(Framing::chunks, "a\n.\r\n.\rb\r", chunk, normalizing).message == "a\r\n.\r\n.\r\nb\r\n");
        CHECK(feed_chunks(Framing::binary, "a\n.\r\n.\rb\r", chunk, normalizing).message == "a\n.\r\n.\rb\r");
    }
    CHECK(feed_chunks(Framing::chunks, "a\0b"s, 4, normalizing).fault == Fault::nul);
    CHECK(feed("123\n456\r\n.\r\n", 3, {9, 3, LineEnds::normalize}).fault == Fault::too_large);
    CHECK(feed("123\n456\r\n.\r\n", 3, {10, 3, LineEnds::normalize}).fault == Fault::none);
}

// A relay that takes <CR><CR><LF> for something else than a line end did not take what follows for the end of data.
TEST_CASE("an end behind CR CR LF is doubtful") {
    const auto doubtful = [](std::string_view bytes) {
        ContentStream stream(ContentStream::Framing::dots, normalizing);
        std::string out;
        CHECK(stream.feed(bytes, out) == bytes.size());
        CHECK(stream.ended());
        return stream.end_is_doubtful();
    };
    CHECK(doubtful("a\r\r\n.\r\n"));
    CHECK(doubtful("\r\r\r\n.\r\n"));
    CHECK(doubtful("a\r\n.\r\r\n.\r\n"));
    CHECK_FALSE(doubtful("a\r\r\nb\r\n.\r\n"));
    CHECK_FALSE(doubtful("a\r\r\n\r\n.\r\n"));
    CHECK_FALSE(doubtful("a\r\r\n..\r\n.\r\n"));
    CHECK_FALSE(doubtful("a\rb\n\r\n.\r\n"));
}
