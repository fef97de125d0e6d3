#include "delivery/smtp/dot_stuffing.h"

#include <catch2/catch.hpp>

using namespace postern::smtp_out;

namespace {

struct Case {
    std::string_view content, wire;
};
constexpr Case cases[] = {
    {"", ".\r\n"},
    {"a\r\n", "a\r\n.\r\n"},
    {"a", "a\r\n.\r\n"},
    {".\r\n", "..\r\n.\r\n"},
    {"a\r\n.b\r\n..\r\n", "a\r\n..b\r\n...\r\n.\r\n"},
    {"a.b\r\n", "a.b\r\n.\r\n"},
    {"\r\n.", "\r\n..\r\n.\r\n"},
    // What some server takes for the end of a message, none may see.
    {"a\n.\nMAIL", "a\r\n..\r\nMAIL\r\n.\r\n"},
    {"a\r.\rMAIL", "a\r\n..\r\nMAIL\r\n.\r\n"},
    {"a\n.\r\nMAIL", "a\r\n..\r\nMAIL\r\n.\r\n"},
    {"a\r\r\n.\r\n", "a\r\n\r\n..\r\n.\r\n"},
    {"a\r", "a\r\n.\r\n"},
};

} // namespace

TEST_CASE("dots are doubled and line ends are whole, however the content is cut") {
    for (const Case& c : cases) {
        for (const std::size_t piece : {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{100}}) {
            INFO(c.content << " in pieces of " << piece);
            DotStuffer stuffer;
            std::string wire;
            for (std::size_t at = 0; at < c.content.size(); at += piece) stuffer.append(wire, c.content.substr(at, piece));
            stuffer.finish(wire);
            CHECK(wire == c.wire);
        }
    }
}
