#include "policyd/bans.h"
#include "policyd/schema.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::policy;

namespace {

constexpr std::int64_t now = 1'795'000'000;

struct Fixture {
    sql::Database db = std::move(*open_reputation(":memory:"));
    Bans bans{db};
    Trust trust{{*Network::parse("198.51.100.0/24")}, {*Network::parse("127.0.0.9")}};

    Errc add(std::string_view network, std::int64_t until = now + 60) {
        const auto added = bans.add({*Network::parse(network), now, until, "test", "because"}, trust);
        return added ? Errc{} : added.error().code();
    }
    bool banned(std::string_view client, std::int64_t at = now) { return bans.find(*IpAddress::parse(client), at) != nullptr; }
};

} // namespace

TEST_CASE("a ban covers its network until its time is over") {
    Fixture f;
    f.add("192.0.2.0/24");
    f.add("203.0.113.5");
    f.add("2001:db8:1:2::/64");
    for (const auto client : {"192.0.2.0", "192.0.2.255", "203.0.113.5", "2001:db8:1:2:ffff::"}) CHECK(f.banned(client));
    for (const auto client : {"192.0.3.0", "203.0.113.6", "2001:db8:1:3::", "127.0.0.1"}) CHECK_FALSE(f.banned(client));
    CHECK_FALSE(f.banned("192.0.2.1", now + 60));
    f.bans.expire(now + 60);
    CHECK(f.bans.size() == 0);
}

TEST_CASE("loopback, trusted networks and half the world are not banned") {
    Fixture f;
    for (const auto network : {"127.0.0.1", "::1", "198.51.100.7", "198.51.100.0/25", "0.0.0.0/0", "64.0.0.0/4", "2000::/8"}) {
        INFO(network);
        CHECK(f.add(network) == Errc::invalid);
    }
    CHECK(f.add("127.0.0.9") == Errc{});
    CHECK(f.bans.size() == 1);
}

TEST_CASE("clearing a network clears the bans inside it, not the one around it") {
    Fixture f;
    for (const auto network : {"192.0.2.0/24", "192.0.2.7", "192.0.2.9", "192.0.3.1"}) f.add(network);
    CHECK(*f.bans.clear(*Network::parse("192.0.2.7")) == 1);
    CHECK(f.banned("192.0.2.7"));                                // by the /24
    CHECK(*f.bans.clear(*Network::parse("192.0.2.0/24")) == 2);
    CHECK_FALSE(f.banned("192.0.2.7"));
    CHECK(f.banned("192.0.3.1"));
    CHECK(*f.bans.clear(*Network::parse("192.0.2.0/24")) == 0);
}

TEST_CASE("bans outlive the process, are listed page by page, and one replaces the one before") {
    Fixture f;
    for (int i = 1; i <= 5; ++i) f.add("192.0.2." + std::to_string(i), now + i);
    f.add("192.0.2.5", now + 100);
    Bans again(f.db);
    REQUIRE(again.load(now + 2).ok());
    CHECK(again.size() == 3);
    std::vector<std::string> seen;
    for (auto page = again.page(std::nullopt, 2); !page.empty(); page = again.page(page.back().network, 2))
        for (const Ban& ban : page) seen.push_back(ban.network.text());
    CHECK(seen == std::vector<std::string>{"192.0.2.3", "192.0.2.4", "192.0.2.5"});
    CHECK(again.find(*IpAddress::parse("192.0.2.5"), now + 99)->reason == "because");
}
