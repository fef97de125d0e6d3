#include "libstore/file_name.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::store;

namespace {

std::string describe(std::string_view name) {
    const auto parsed = parse_file_name(name);
    if (!parsed) return "none";
    return fmt::format("{} {} [{}]{}{}{}", parsed->base, parsed->seconds, flag_letters(parsed->flags),
                       parsed->info ? " info" : "", parsed->key ? " key " + unique_text(*parsed->key) : "",
                       parsed->size ? fmt::format(" size {}", *parsed->size) : "");
}

} // namespace

TEST_CASE("Maildir file names, ours and others'") {
    struct Case { std::string_view name, expect; };
    const Case cases[] = {
        {"1700000000.R0123456789abcdef.mx.example,S=4096", "1700000000.R0123456789abcdef.mx.example,S=4096 1700000000 [] size 4096"},
        {"1700000000.R0123456789abcdef.mx,S=7:2,FS", "1700000000.R0123456789abcdef.mx,S=7 1700000000 [FS] info size 7"},
        {"1700000000.M1P2.host:2,", "1700000000.M1P2.host 1700000000 [] info"},
        {"1700000000.M1P2.host,S=5,W=6:2,DFRSTPab", "1700000000.M1P2.host,S=5,W=6 1700000000 [DFRST] info size 5"},
        {"foreign", "foreign 0 []"},
        {"12.x:2,S:2,T", "12.x:2,S 12 [T] info"},        // the last one is the info
        {"1.Qnot-a-queue-id.host", "1.Qnot-a-queue-id.host 1 []"},
        {"", "none"}, {".hidden", "none"}, {":2,S", "none"}, {"a/b", "none"}, {"a\nb", "none"},
    };
    for (const Case& c : cases) {
        INFO(c.name);
        CHECK(describe(c.name) == c.expect);
    }
    CHECK_FALSE(parse_file_name(std::string(256, 'a')));
}

TEST_CASE("a delivery key reads back from its file name") {
    for (const DeliveryKey& key : {DeliveryKey{{1, 2, 3}, 0}, DeliveryKey{{UINT32_MAX, UINT64_MAX, UINT32_MAX}, 65535}}) {
        const auto base = make_base(1700000000, unique_text(key), "mx.example", 123);
        const auto name = file_name(base, flag::seen);
        const auto parsed = parse_file_name(name);
        REQUIRE(parsed);
        REQUIRE(parsed->key);
        CHECK(*parsed->key == key);
        CHECK(parsed->base == base);
        CHECK(parsed->flags == flag::seen);
        CHECK(parsed->size == 123);
    }
    CHECK(random_unique() != random_unique());
}
