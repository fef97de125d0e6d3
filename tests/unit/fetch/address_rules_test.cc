#include "fetch/address_rules.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::fetch;

TEST_CASE("addresses that are not of the public Internet are not gone to") {
    struct Case {
        std::string_view address;
        bool forbidden;
    };
    const Case cases[] = {
        {"8.8.8.8", false},          {"1.1.1.1", false},         {"172.15.255.255", false}, {"172.32.0.0", false},
        {"100.63.255.255", false},   {"192.0.1.1", false},       {"223.255.255.255", false}, {"2606:4700::1111", false},
        {"2a00:1450::1", false},     {"0.0.0.0", true},          {"10.1.2.3", true},        {"100.64.0.1", true},
        {"127.0.0.1", true},         {"127.255.255.255", true},  {"169.254.169.254", true}, {"172.16.0.1", true},
        {"172.31.255.255", true},    {"192.0.0.8", true},        {"192.0.2.1", true},       {"192.168.0.1", true},
        {"198.18.0.1", true},        {"198.19.255.255", true},   {"203.0.113.9", true},     {"224.0.0.1", true},
        {"255.255.255.255", true},   {"::", true},               {"::1", true},             {"::7f00:1", true},
        {"::ffff:10.0.0.1", true},   {"::ffff:8.8.8.8", false},  {"fc00::1", true},         {"fdff::1", true},
        {"fe80::1", true},           {"febf::1", true},          {"ff02::1", true},         {"2001:db8::1", true},
        {"2001::1", true},           {"64:ff9b::808:808", false}, {"64:ff9b::a00:1", true}, {"64:ff9b:1::808:808", true},
        {"2002:808:808::1", false},  {"2002:a00:1::1", true},    {"2002:7f00:1::", true},   {"100::1", true},
    };
    for (const Case& c : cases) {
        INFO(c.address);
        CHECK(is_forbidden(*IpAddress::parse(c.address), {}) == c.forbidden);
    }
}

TEST_CASE("unless the operator has named their network") {
    const std::vector<Network> allowed{*Network::parse("10.0.0.0/24"), *Network::parse("::1")};
    CHECK_FALSE(is_forbidden(*IpAddress::parse("10.0.0.7"), allowed));
    CHECK(is_forbidden(*IpAddress::parse("10.0.1.7"), allowed));
    CHECK_FALSE(is_forbidden(*IpAddress::parse("::1"), allowed));
    CHECK(is_forbidden(*IpAddress::parse("127.0.0.1"), allowed));
}
