#include "libmail/next_hop.h"

#include "libcommon/text.h"
#include "libmail/address.h"
#include "libmail/idna.h"

namespace postern::mail {
namespace {

struct Prefix {
    std::string_view text;
    NextHop::Protocol protocol;
};
constexpr Prefix prefixes[] = {
    {"smtp:", NextHop::Protocol::smtp}, {"smtps:", NextHop::Protocol::smtps}, {"lmtp:", NextHop::Protocol::lmtp}};

Error wrong(std::string what) { return Error(Errc::invalid, "next hop: " + std::move(what)); }

// What stands in brackets: an address, with or without RFC 5321's tag, or a host's name.
Result<void> take_bracketed(std::string_view inside, NextHop& hop) {
    hop.by_mx = false;
    constexpr std::string_view tag = "ipv6:";
    const bool tagged = istarts_with(inside, tag);
    if (tagged) inside.remove_prefix(tag.size());
    if (const auto address = IpAddress::parse(inside)) {
        hop.address = *address;
        hop.host = address->text();
        return {};
    }
    if (tagged) return wrong("no IPv6 address behind IPv6:");
    auto host = parse_domain(inside);
    // No top-level domain is a number: that is an address written wrong (RFC 3696 section 2).
    const bool numeric = host && parse_number(host->substr(host->rfind('.') + 1));
    if (!host || numeric) return wrong("neither an address nor a host in the brackets");
    hop.host = std::move(*host);
    return {};
}

Result<void> take_port(std::string_view text, NextHop& hop) {
    if (text.empty()) return {};
    const auto port = parse_number(text.substr(1), 65535);
    if (text.front() != ':' || !port || *port == 0) return wrong("the port is no number from 1 to 65535");
    hop.port = static_cast<std::uint16_t>(*port);
    return {};
}

} // namespace

Result<NextHop> parse_next_hop(std::string_view text) {
    NextHop hop;
    for (const Prefix& prefix : prefixes) {
        if (!istarts_with(text, prefix.text)) continue;
        hop.protocol = prefix.protocol;
        text.remove_prefix(prefix.text.size());
        break;
    }
    hop.by_mx = hop.protocol == NextHop::Protocol::smtp;         // the MX of a domain speaks SMTP, nothing else
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return wrong("the bracket is not closed");
        if (auto taken = take_bracketed(text.substr(1, end - 1), hop); !taken) return taken.error();
        if (auto taken = take_port(text.substr(end + 1), hop); !taken) return taken.error();
        return hop;
    }
    const auto colon = text.find(':');
    const std::string_view port = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
    if (auto taken = take_port(port, hop); !taken) return taken.error();
    auto host = parse_domain(text.substr(0, colon));
    if (!host) return wrong(host.error().message());
    hop.host = std::move(*host);
    return hop;
}

std::string NextHop::text() const {
    const bool is_v6 = address && !address->is_v4();
    const bool bracketed = address || (!by_mx && protocol == Protocol::smtp);
    std::string out = protocol == Protocol::smtp ? "" : std::string(prefixes[static_cast<std::size_t>(protocol)].text);
    out += bracketed ? "[" : "";
    out += (is_v6 ? "ipv6:" : "") + host;
    out += bracketed ? "]" : "";
    if (port != 0) out += ":" + std::to_string(port);
    // A host that is called as a protocol is, with its port, would be read as that protocol.
    for (const Prefix& prefix : prefixes)
        if (protocol == Protocol::smtp && istarts_with(out, prefix.text)) return std::string(prefixes[0].text) + out;
    return out;
}

} // namespace postern::mail
