#include "fetch/address_rules.h"

#include <string_view>

namespace postern::fetch {
namespace {

// The special-purpose registries of IANA (RFC 6890), but for what is routed to everybody; multicast and what is reserved.
constexpr std::string_view special[] = {
    "0.0.0.0/8",       "10.0.0.0/8",     "100.64.0.0/10",   "127.0.0.0/8",   "169.254.0.0/16",  "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24",    "192.88.99.0/24", "192.168.0.0/16",  "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4",
    "240.0.0.0/4",     "::/96",          "64:ff9b:1::/48",  "100::/64",      "2001::/23",       "2001:db8::/32", "3fff::/20",
    "5f00::/16",       "fc00::/7",       "fe80::/10",       "fec0::/10",     "ff00::/8",
};

// IPv6 prefixes behind which an IPv4 address lies, and where: a gateway would go there for us (RFC 6052, RFC 3056).
struct Embedding {
    std::string_view prefix;
    std::size_t offset;
};
constexpr Embedding embeddings[] = {{"64:ff9b::/96", 12}, {"2002::/16", 2}};

std::vector<Network> special_networks() {
    std::vector<Network> networks;
    for (const std::string_view text : special) networks.push_back(*Network::parse(text));
    return networks;
}

IpAddress reached_by(const IpAddress& address) {
    for (const Embedding& embedding : embeddings)
        if (Network::parse(embedding.prefix)->contains(address))
            return *IpAddress::of_bytes(address.bytes().substr(embedding.offset, 4));
    return address;
}

} // namespace

bool is_forbidden(const IpAddress& address, const std::vector<Network>& allowed) {
    static const std::vector<Network> networks = special_networks();
    if (contains(allowed, address)) return false;
    return contains(networks, address) || contains(networks, reached_by(address));
}

} // namespace postern::fetch
