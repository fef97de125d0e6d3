#include "libmail/imap/command_reader.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::imap;

namespace {

// Feeds `bytes` in pieces of `step` and writes down the events. "~" in a script is where the client waits for "+".
std::string run(std::string_view bytes, std::size_t step, ReaderLimits limits = {}, bool accept = true) {
    CommandReader reader(limits);
    Input input(limits.command + 64);
    std::string out, message;
    while (!bytes.empty()) {
        const std::size_t taken = input.append(bytes.substr(0, step));
        bytes.remove_prefix(taken);
        for (bool more = true; more;) {
            const auto event = reader.next(input);
            more = !std::holds_alternative<CommandReader::NeedMore>(event);
            if (std::holds_alternative<CommandReader::Continuation>(event)) out += "+|";
            if (auto* e = std::get_if<CommandReader::Complete>(&event)) out += std::string(e->text) + "|";
            if (auto* e = std::get_if<CommandReader::AppendBegins>(&event)) {
                out += "append " + std::to_string(e->head.append.size) + "|";
                accept ? reader.accept_message() : reader.refuse_message();
            }
            if (auto* e = std::get_if<CommandReader::MessageBytes>(&event)) message += e->bytes;
            if (std::holds_alternative<CommandReader::MessageEnds>(event)) out += "message " + message + "|";
            if (auto* e = std::get_if<CommandReader::Bad>(&event)) out += e->tag + " BAD " + e->text + "|";
            if (auto* e = std::get_if<CommandReader::Fatal>(&event)) return out + "BYE " + e->text;
        }
    }
    return out;
}

struct Case { std::string bytes, expect; };

} // namespace

TEST_CASE("commands come out of any cutting of the bytes") {
    const Case cases[] = {
        {"a NOOP\r\n", "a NOOP|"},
        {"a NOOP\nb NOOP\r\n", "a NOOP|b NOOP|"},
        {"a LOGIN {3}\r\nann {1+}\r\nx\r\nb NOOP\r\n", "+|a LOGIN {3}\r\nann {1+}\r\nx|b NOOP|"},
        {"a LOGIN {0+}\r\n {0+}\r\n\r\n", "a LOGIN {0+}\r\n {0+}\r\n|"},
        {"a APPEND x {5+}\r\nab\r\nc\r\nb NOOP\r\n", "append 5|message ab\r\nc|b NOOP|"},
        {"a APPEND x {0+}\r\n\r\n", "append 0|message |"},
        {"a APPEND {1+}\r\nx {2}\r\nhi\r\n", "append 2|message hi|"},
        {"a APPEND x (\\Foo) {5+}\r\nab\r\nc\r\nb NOOP\r\n", "a BAD no such system flag at column 17|b NOOP|"},
        {"a APPEND x (\\Foo) {5}\r\nb NOOP\r\n", "a BAD no such system flag at column 17|b NOOP|"},
        {"a APPEND x {2+}\r\nhi junk\r\nb NOOP\r\n", "append 2| BAD unexpected text after the message|b NOOP|"},
        {"a APPEND x {2+}\r\nhi {3+}\r\n", "append 2|BYE unexpected text after the message"},
        {"a LOGIN {18446744073709551617}\r\nb NOOP\r\n", "a BAD literal too large|b NOOP|"},
        {"a LOGIN {18446744073709551617+}\r\n", "BYE literal too large"},
        {"a LOGIN {67108864+}\r\n", "BYE literal too large"},
        {"\r\n", "|"},
    };
    for (const Case& c : cases)
        for (std::size_t step : {1, 2, 3, 7, 1000}) {
            INFO(c.bytes << " in steps of " << step);
            CHECK(run(c.bytes, step) == c.expect);
        }
}

TEST_CASE("a refused message is dropped, or never comes") {
    CHECK(run("a APPEND x {5+}\r\nab\r\nc\r\nb NOOP\r\n", 3, {}, false) == "append 5|b NOOP|");
    CHECK(run("a APPEND x {5}\r\nb NOOP\r\n", 3, {}, false) == "append 5|b NOOP|");
}

TEST_CASE("no command holds more than its budget (TESTCARD C4, C6)") {
    const ReaderLimits limits{1000, true};
    const std::string long_line = "a NOOP " + std::string(5000, 'x') + "\r\nb NOOP\r\n";
    std::string literals = "a X";
    for (int i = 0; i < 200; ++i) literals += " {10+}\r\n0123456789";
    for (std::size_t step : {1, 10, 100, 10'000}) {
        INFO(step);
        CHECK(run(long_line, step, limits) == "a BAD command too long|b NOOP|");
        CHECK(run("a X {900+}\r\n" + std::string(900, 'y') + " {900+}\r\n" + std::string(900, 'y') + "\r\nb NOOP\r\n", step, limits) ==
              "a BAD literal too large|b NOOP|");
        CHECK(run("a X {900+}\r\n" + std::string(900, 'y') + std::string(5000, 'z') + "\r\nb NOOP\r\n", step, limits) ==
              "a BAD command too long|b NOOP|");
        CHECK(run("a X " + std::string(5000, 'z') + " {3+}\r\nz\r\n\r\nb NOOP\r\n", step, limits) == "a BAD command too long|b NOOP|");
        CHECK(run(literals + "\r\nb NOOP\r\n", step, limits) == "a BAD command too long|b NOOP|");
    }
    CHECK(run("\x01\x02" + std::string(5000, 'x') + "\r\n", 10, limits) == "* BAD command too long|");
}

TEST_CASE("before login an APPEND's literal is one like any other") {
    CHECK(run("a APPEND x {3}\r\nabc\r\n", 5, {1000, false}) == "+|a APPEND x {3}\r\nabc|");
    CHECK(run("a APPEND x {3000}\r\n", 5, {1000, false}) == "a BAD literal too large|");
}

TEST_CASE("an expected line is not a command") {
    CommandReader reader{ReaderLimits{}};
    Input input(70'000);
    reader.expect_line();
    input.append("{5}\r\nb NOOP {1}\r\n");
    CHECK(std::get<CommandReader::Complete>(reader.next(input)).text == "{5}");
    CHECK(std::holds_alternative<CommandReader::Continuation>(reader.next(input)));
}
