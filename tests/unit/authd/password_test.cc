#include "tests/unit/authd/fixture.h"

using namespace postern;
using namespace postern::authd;

namespace {

// Made by the reference implementation: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 32
// (test.c of phc-winner-argon2, version 0x13: m=2^16).
constexpr std::string_view reference =
    "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

std::string with(std::string_view from, std::string_view to) {
    std::string text(reference);
    const auto at = text.find(from);
    REQUIRE(at != text.npos);
    return text.replace(at, from.size(), to);
}

} // namespace

TEST_CASE("The reference implementation's hash verifies") {
    const auto hash = parse_phc(reference);
    REQUIRE(hash.ok());
    CHECK(hash->cost == HashCost{.memory_kib = 65536, .passes = 2, .lanes = 1});
    CHECK(verify_password("password", *hash));
    CHECK_FALSE(verify_password("Password", *hash));
    CHECK_FALSE(verify_password("", *hash));
    CHECK(to_phc(*hash) == reference);
}

TEST_CASE("A hash of ours is salted, carries its cost, and verifies") {
    const auto one = hash_password("correct horse", test::cheap), two = hash_password("correct horse", test::cheap);
    REQUIRE(one.ok());
    CHECK(*one != *two);
    CHECK(one->starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
    CHECK(verify_password("correct horse", *parse_phc(*one)));
    CHECK_FALSE(verify_password("correct horse ", *parse_phc(*one)));
    const auto lanes = hash_password("x", {.memory_kib = 64, .passes = 1, .lanes = 4});
    CHECK(verify_password("x", *parse_phc(*lanes)));
}

TEST_CASE("OWASP's cost is the default") {
    CHECK(HashCost{} == HashCost{.memory_kib = 19456, .passes = 2, .lanes = 1});
}

TEST_CASE("What is not an Argon2id hash, or costs too much") {
    const std::string bad[] = {
        "",
        "$",
        "plain",
        with("argon2id", "argon2i"),
        with("argon2id", "argon2"),
        with("v=19", "v=16"),
        with("$v=19", ""),
        with("t=2,", ""),
        with("m=65536,t=2", "t=2,m=65536"),
        with("m=65536", "m=065536"),
        with("m=65536", "m=-1"),
        with("m=65536", "m=7"),                  // RFC 9106 section 3.1: at least 8 KiB per lane
        with("m=65536", "m=4294967296"),
        with("m=65536", "m=262145"),
        with("t=2", "t=0"),
        with("t=2", "t=65"),
        with("p=1", "p=17"),
        with("p=1", "p=1,x=2"),
        with("c29tZXNhbHQ", "c29tZQ"),           // a salt of 4 bytes
        with("c29tZXNhbHQ", "c29tZXNhbHQ="),
        with("c29tZXNhbHQ", "c29t ZXNhbHQ"),
        with("CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", ""),
        with("CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "CTFhFdXP"),
        std::string(reference) + "$",
        std::string(reference) + std::string(200, 'A'),
        " " + std::string(reference),
    };
    for (const std::string& text : bad) {
        INFO(text);
        CHECK_FALSE(parse_phc(text).ok());
    }
}
