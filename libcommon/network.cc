#include "libcommon/network.h"

#include "libcommon/text.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

namespace postern {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr unsigned v4_offset = 96, all_bits = 128;

} // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string terminated(text);                          // inet_pton wants its zero; a zero inside ends it early
    if (terminated.size() != std::strlen(terminated.c_str())) return std::nullopt;
    IpAddress address;
    if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes_.data()) == 1) return address;
    if (::inet_pton(AF_INET, terminated.c_str(), address.bytes_.data() + mapped_prefix.size()) != 1) return std::nullopt;
    std::copy(mapped_prefix.begin(), mapped_prefix.end(), address.bytes_.begin());
    return address;
}

std::optional<IpAddress> IpAddress::of(const sockaddr_storage& socket) {
    IpAddress address;
    if (socket.ss_family == AF_INET6) {
        std::memcpy(address.bytes_.data(), &reinterpret_cast<const sockaddr_in6&>(socket).sin6_addr, 16);
    } else if (socket.ss_family == AF_INET) {
        std::copy(mapped_prefix.begin(), mapped_prefix.end(), address.bytes_.begin());
        std::memcpy(address.bytes_.data() + mapped_prefix.size(), &reinterpret_cast<const sockaddr_in&>(socket).sin_addr, 4);
    } else {
        return std::nullopt;
    }
    return address;
}

std::optional<IpAddress> IpAddress::of_bytes(std::string_view bytes) {
    IpAddress address;
    if (bytes.size() != 4 && bytes.size() != address.bytes_.size()) return std::nullopt;
    if (bytes.size() == 4) std::copy(mapped_prefix.begin(), mapped_prefix.end(), address.bytes_.begin());
    std::copy(bytes.begin(), bytes.end(), address.bytes_.end() - static_cast<std::ptrdiff_t>(bytes.size()));
    return address;
}

bool IpAddress::is_v4() const { return std::equal(mapped_prefix.begin(), mapped_prefix.end(), bytes_.begin()); }

bool IpAddress::is_loopback() const {
    if (is_v4()) return bytes_[12] == 127;
    return std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t b) { return b == 0; }) && bytes_[15] == 1;
}

std::string IpAddress::bytes() const {
    const auto first = bytes_.begin() + static_cast<std::ptrdiff_t>(is_v4() ? mapped_prefix.size() : 0);
    return {first, bytes_.end()};
}

std::string IpAddress::reverse_name() const {
    std::string name;
    if (is_v4()) {
        for (std::size_t i = bytes_.size(); i-- > mapped_prefix.size();) name += std::to_string(bytes_[i]) + ".";
        return name + "in-addr.arpa";
    }
    const std::string digits = to_hex(bytes());
    for (auto digit = digits.rbegin(); digit != digits.rend(); ++digit) name.append({*digit, '.'});
    return name + "ip6.arpa";
}

std::string IpAddress::text() const {
    char out[INET6_ADDRSTRLEN] = {};
    if (is_v4()) ::inet_ntop(AF_INET, bytes_.data() + mapped_prefix.size(), out, sizeof out);
    else ::inet_ntop(AF_INET6, bytes_.data(), out, sizeof out);
    return out;
}

IpAddress IpAddress::masked(unsigned bits) const {
    IpAddress out = *this;
    for (unsigned i = 0; i < out.bytes_.size(); ++i) {
        const unsigned kept = bits > i * 8 ? std::min(bits - i * 8, 8U) : 0;
        out.bytes_[i] &= static_cast<std::uint8_t>(0xff00U >> kept);
    }
    return out;
}

std::optional<Network> Network::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto address = IpAddress::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    unsigned bits = all_bits;
    if (slash != std::string_view::npos) {
        const unsigned offset = address->is_v4() ? v4_offset : 0;
        const auto written = parse_number(text.substr(slash + 1), all_bits - offset);
        if (!written) return std::nullopt;
        bits = offset + static_cast<unsigned>(*written);
    }
    Network network(*address, bits);
    if (network.first_ != *address) return std::nullopt;
    return network;
}

std::string Network::text() const {
    if (bits_ == all_bits) return first_.text();
    const bool v4 = first_.is_v4() && bits_ >= v4_offset;
    return first_.text() + "/" + std::to_string(v4 ? bits_ - v4_offset : bits_);
}

Network client_network(const IpAddress& address, unsigned v6_prefix) {
    return {address, address.is_v4() ? all_bits : v6_prefix};
}

bool contains(const std::vector<Network>& networks, const IpAddress& address) {
    return std::any_of(networks.begin(), networks.end(), [&](const Network& n) { return n.contains(address); });
}

} // namespace postern
