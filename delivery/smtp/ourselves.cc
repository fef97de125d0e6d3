#include "delivery/smtp/ourselves.h"

#include "libcommon/owned.h"
#include "libcommon/text.h"

#include <algorithm>
#include <cstring>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace postern::smtp_out {

void Ourselves::add_name(std::string_view name) {
    if (!name.empty()) names_.push_back(ascii_lower(name));
}

void Ourselves::add_listener(std::string_view listener) {
    const auto colon = listener.rfind(':');
    if (colon == std::string_view::npos) return;
    std::string_view host = listener.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const auto address = IpAddress::parse(host);
    const auto port = parse_number(listener.substr(colon + 1), 65535);
    if (!address || !port) return;
    const bool every = *address == *IpAddress::parse("0.0.0.0") || *address == IpAddress();
    listeners_.push_back({*address, every, static_cast<std::uint16_t>(*port)});
}

bool Ourselves::is_named(std::string_view name, std::uint16_t port) const {
    return std::any_of(names_.begin(), names_.end(), [&](const std::string& ours) { return iequals(ours, name); }) &&
           std::any_of(listeners_.begin(), listeners_.end(), [&](const Listener& listener) { return listener.port == port; });
}

bool Ourselves::is_at(const IpAddress& address, std::uint16_t port) const {
    const bool ours = address.is_loopback() || std::find(addresses_.begin(), addresses_.end(), address) != addresses_.end();
    const bool by_nat = contains(public_, address);
    return std::any_of(listeners_.begin(), listeners_.end(), [&](const Listener& listener) {
        return listener.port == port && (by_nat || (listener.every ? ours : listener.address == address));
    });
}

std::vector<IpAddress> Ourselves::interface_addresses() {
    ifaddrs* first = nullptr;
    if (::getifaddrs(&first) != 0) return {};
    const Owned<ifaddrs, freeifaddrs> all(first);
    std::vector<IpAddress> addresses;
    for (const ifaddrs* at = all.get(); at; at = at->ifa_next) {
        if (!at->ifa_addr) continue;
        sockaddr_storage socket{};
        const bool v6 = at->ifa_addr->sa_family == AF_INET6;
        if (!v6 && at->ifa_addr->sa_family != AF_INET) continue;
        std::memcpy(&socket, at->ifa_addr, v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in));
        if (const auto address = IpAddress::of(socket)) addresses.push_back(*address);
    }
    return addresses;
}

} // namespace postern::smtp_out
