#include "mailctl/output.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::mailctl;

TEST_CASE("Tables line up, umlauts included") {
    CHECK(table({"NAME", "X"}, {{"J\u00f6rg", "1"}, {"Alexander", ""}}) == "NAME       X\nJ\u00f6rg       1\nAlexander\n");
    CHECK(table({"NAME"}, {}) == "NAME\n");
    CHECK(sheet({{"a", "1"}, {"long", "2"}, {"none", ""}}) == "a     1\nlong  2\nnone\n");
}

TEST_CASE("Amounts and limits") {
    CHECK(amount(0) == "0 B");
    CHECK(amount(1023) == "1023 B");
    CHECK(amount(1536) == "1.5 KiB");
    CHECK(amount(5368709120) == "5.0 GiB");
    CHECK(limit(json::Value(0), true) == "none");
    CHECK(limit(json::Value(), true) == "domain");
    CHECK(limit(json::Value(7), false) == "7");
}

TEST_CASE("What reaches a terminal holds no control characters") {
    CHECK(shown(json::Value("a\x1b[2J\n")) == "a\\x1b[2J\\x0a");
    CHECK(shown(json::Value(json::Array{"a", "b"})) == "a b");
    CHECK(shown(json::Value(true)) == "yes");
    CHECK(shown(json::Value()).empty());
    CHECK(local_time(0) == "never");
}
