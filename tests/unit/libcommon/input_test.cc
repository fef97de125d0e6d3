#include "libcommon/input.h"

#include <catch2/catch.hpp>

using namespace postern;
using State = Input::LineState;

TEST_CASE("lines come out whole, however they arrive") {
    Input input(100);
    for (char c : std::string("EHLO a\r\nbare\nlast")) CHECK(input.append(std::string(1, c)) == 1);
    auto line = input.take_line(50);
    CHECK(line.text == "EHLO a");
    CHECK(line.crlf);
    line = input.take_line(50);
    CHECK(line.text == "bare");
    CHECK_FALSE(line.crlf);
    CHECK(input.take_line(50).state == State::incomplete);
    CHECK(input.size() == 4);
}

TEST_CASE("nobody makes a session hold more than its budget") {
    Input input(10);
    CHECK(input.append("123456789012345") == 10);
    CHECK(input.append("x") == 0);
    CHECK(input.room() == 0);
    CHECK(input.take_line(10).state == State::too_long);
    CHECK_FALSE(input.discard_line());
    CHECK(input.append("ab\ncd\r\n") == 7);
    CHECK(input.discard_line());
    CHECK(input.take_line(10).text == "cd");
}

TEST_CASE("a line exactly at the limit passes, one byte more does not") {
    Input input(100);
    input.append("12345\r\n123456\r\n");
    CHECK(input.take_line(7).text == "12345");
    CHECK(input.take_line(7).state == State::too_long);
}

TEST_CASE("consuming part of what was scanned does not lose a line end") {
    Input input(100);
    input.append("abcdef");
    CHECK(input.take_line(50).state == State::incomplete);
    input.consume(3);
    input.append("\n");
    CHECK(input.take_line(50).text == "def");
}
