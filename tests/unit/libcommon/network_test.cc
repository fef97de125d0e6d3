#include "libcommon/network.h"
#include "libcommon/trust.h"

#include <catch2/catch.hpp>

using namespace postern;

TEST_CASE("addresses and networks are read, and written as they are known") {
    struct Case { std::string_view text, shown; };
    constexpr Case cases[] = {
        {"192.0.2.1", "192.0.2.1"},         {"192.0.2.0/24", "192.0.2.0/24"},   {"192.0.2.1/32", "192.0.2.1"},
        {"0.0.0.0/0", "0.0.0.0/0"},         {"::ffff:192.0.2.1", "192.0.2.1"},  {"2001:DB8::1", "2001:db8::1"},
        {"2001:db8::/32", "2001:db8::/32"}, {"::/0", "::/0"},                   {"::1/128", "::1"},
        {"192.0.2.1/24", "-"},              {"192.0.2.0/33", "-"},              {"2001:db8::/129", "-"},
        {"", "-"},                          {"/", "-"},                         {"192.0.2.0/", "-"},
        {"192.0.2", "-"},                   {"example.org", "-"},               {"192.0.2.1 ", "-"},
        {std::string_view("192.0.2.1\0", 10), "-"},
    };
    for (const Case& c : cases) {
        INFO(c.text);
        const auto network = Network::parse(c.text);
        CHECK((network ? network->text() : "-") == c.shown);
        if (network) CHECK(Network::parse(network->text()) == network);
    }
}

TEST_CASE("a network contains its addresses and no others") {
    struct Case { std::string_view network, address; bool inside; };
    constexpr Case cases[] = {
        {"192.0.2.0/24", "192.0.2.255", true},      {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.128/25", "192.0.2.127", false},   {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},        {"2001:db8::/33", "2001:db8:8000::", false},
        {"2001:db8::/33", "2001:db8:7fff::", true}, {"::1", "::1", true},
        {"192.0.2.0/24", "::ffff:192.0.2.7", true},
    };
    for (const Case& c : cases) {
        INFO(c.network << " " << c.address);
        CHECK(Network::parse(c.network)->contains(*IpAddress::parse(c.address)) == c.inside);
    }
}

TEST_CASE("loopback is loopback in both families") {
    for (const auto text : {"127.0.0.1", "127.9.8.7", "::1", "::ffff:127.0.0.1"}) CHECK(IpAddress::parse(text)->is_loopback());
    for (const auto text : {"128.0.0.1", "::", "::2", "1::1"}) CHECK_FALSE(IpAddress::parse(text)->is_loopback());
}

TEST_CASE("one client is an IPv4 address or an IPv6 prefix") {
    const auto client = [](std::string_view text, unsigned bits) { return client_network(*IpAddress::parse(text), bits).text(); };
    CHECK(client("192.0.2.1", 64) == "192.0.2.1");
    CHECK(client("2001:db8:1:2:3:4:5:6", 64) == "2001:db8:1:2::/64");
    CHECK(client("2001:db8:1:2:3:4:5:6", 56) == "2001:db8:1::/56");
    CHECK(client("2001:db8::1", 128) == "2001:db8::1");
}

TEST_CASE("loopback is trusted, and what is named, unless it is named as untrusted") {
    const Trust trust({*Network::parse("192.0.2.0/24")}, {*Network::parse("127.0.0.8/29"), *Network::parse("192.0.2.9")});
    for (const auto text : {"127.0.0.1", "::1", "192.0.2.1"}) CHECK(trust.covers(*IpAddress::parse(text)));
    for (const auto text : {"127.0.0.9", "192.0.2.9", "192.0.3.1", "2001:db8::1"}) CHECK_FALSE(trust.covers(*IpAddress::parse(text)));
    CHECK(Trust().covers(*IpAddress::parse("127.0.0.9")));
}

TEST_CASE("an address as bytes, and its name in the DNS") {
    struct Case { std::string_view text, bytes, name; };
    const Case cases[] = {
        {"192.0.2.1", {"\xc0\0\2\1", 4}, "1.2.0.192.in-addr.arpa"},
        {"::ffff:192.0.2.1", {"\xc0\0\2\1", 4}, "1.2.0.192.in-addr.arpa"},
        {"2001:db8::1", {"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16},
         "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
    };
    for (const Case& c : cases) {
        INFO(c.text);
        const auto address = IpAddress::parse(c.text);
        REQUIRE(address);
        CHECK(address->bytes() == c.bytes);
        CHECK(IpAddress::of_bytes(address->bytes()) == address);
        CHECK(address->reverse_name() == c.name);
    }
}
