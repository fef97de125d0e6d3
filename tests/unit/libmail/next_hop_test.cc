#include "libmail/next_hop.h"

#include <catch2/catch.hpp>

using namespace postern::mail;

namespace {

std::string describe(const postern::Result<NextHop>& hop) {
    if (!hop) return "error";
    constexpr std::string_view names[] = {"smtp", "smtps", "lmtp"};
    return std::string(names[static_cast<std::size_t>(hop->protocol)]) + (hop->address ? " address " : hop->by_mx ? " mx " : " host ") + hop->host +
           (hop->port != 0 ? " " + std::to_string(hop->port) : "");
}

struct Case {
    std::string_view text, expect;
};
constexpr Case cases[] = {
    {"example.org", "smtp mx example.org"},
    {"Example.ORG", "smtp mx example.org"},
    {"smtp:example.org", "smtp mx example.org"},
    {"example.org:2525", "smtp mx example.org 2525"},
    {"b\u00fccher.example", "smtp mx xn--bcher-kva.example"},
    {"[mx.example.org]", "smtp host mx.example.org"},
    {"[mx.example.org]:587", "smtp host mx.example.org 587"},
    {"smtps:[mx.example.org]", "smtps host mx.example.org"},
    {"smtps:mx.example.org:4465", "smtps host mx.example.org 4465"},
    {"LMTP:mx.example.org:24", "lmtp host mx.example.org 24"},
    {"[192.0.2.1]", "smtp address 192.0.2.1"},
    {"[192.0.2.1]:2525", "smtp address 192.0.2.1 2525"},
    {"[IPv6:2001:db8::1]", "smtp address 2001:db8::1"},
    {"[ipv6:2001:db8::1]:25", "smtp address 2001:db8::1 25"},
    {"[2001:DB8::1]:25", "smtp address 2001:db8::1 25"},
    {"lmtp:[127.0.0.1]:24", "lmtp address 127.0.0.1 24"},
    {"smtp:lmtp:24", "smtp mx lmtp 24"},                 // a host of that name
    {"", "error"},
    {"smtp:", "error"},
    {"[", "error"},
    {"[]", "error"},
    {"[192.0.2.1", "error"},
    {"[192.0.2.1]25", "error"},
    {"[192.0.2.1]:", "error"},
    {"[192.0.2.1]:0", "error"},
    {"[192.0.2.1]:65536", "error"},
    {"[192.0.2.256]", "error"},
    {"[ipv6:example.org]", "error"},
    {"example.org:", "error"},
    {"example.org:25:25", "error"},
    {"2001:db8::1", "error"},                    // an address without brackets reads like a port
    {"http:example.org", "error"},
    {"exa mple.org", "error"},
};

} // namespace

TEST_CASE("next hops") {
    for (const Case& c : cases) {
        INFO(c.text);
        const auto hop = parse_next_hop(c.text);
        CHECK(describe(hop) == c.expect);
        if (hop) CHECK(describe(parse_next_hop(hop->text())) == c.expect);
    }
}
