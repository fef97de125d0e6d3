#include "libstore/side_file.h"

#include <catch2/catch.hpp>

using namespace postern::store;

TEST_CASE("a side file reads back, the last word counting") {
    const SideMailbox first{7, 10, 99, SpecialUse::sent, true, "Sent & done/100%"}, last{7, 12, 120, SpecialUse::sent, false, "Else"};
    const SideMessage message{11, 5, 1700000000};
    std::string text = side_line(first) + side_keyword_line(0, "$Forwarded") + side_keyword_line(2, "a b") +
                       side_line(SideMessage{11, 0, 1}, "base") + side_expunged_line(20) + side_line(message, "base") + side_line(last);
    const SideFile side = parse_side_file(text);
    REQUIRE(side.mailbox);
    CHECK(*side.mailbox == last);
    CHECK(side.keywords == std::map<unsigned, std::string>{{0, "$Forwarded"}, {2, "a b"}});
    REQUIRE(side.messages.count("base") == 1);
    CHECK(side.messages.at("base") == message);
    CHECK(side.highest_uid == 20);
    CHECK(side.damaged == 0);
    CHECK(parse_side_file(side_line(first)).mailbox->name == first.name);
}

TEST_CASE("a damaged line costs what it said") {
    const std::string good = side_line(SideMessage{1, 0, 1}, "one"), bad = side_line(SideMessage{2, 0, 1}, "two");
    for (std::size_t bit = 0; bit < bad.size() * 8; ++bit) {
        std::string flipped = bad;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        const SideFile side = parse_side_file(good + flipped + good);
        CHECK(side.messages.count("one") == 1);
        CHECK(side.messages.count("two") == 0);
        CHECK(side.damaged >= 1);
    }
    for (std::size_t cut = 1; cut < bad.size(); ++cut) {
        const SideFile side = parse_side_file(good + bad.substr(0, cut));
        CHECK(side.messages.size() == 1);
        CHECK(side.damaged == 1);
    }
}
