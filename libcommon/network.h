// IP addresses and networks as values: compared, masked and counted by, never resolved. An IPv4 address is kept as the
// IPv6 address it maps to (RFC 4291 section 2.5.5.2), so that a client is the same client over either socket.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct sockaddr_storage;

namespace postern {

class IpAddress {
  public:
    IpAddress() = default;                                       // ::
    static std::optional<IpAddress> parse(std::string_view text);   // as inet_pton takes it; "::ffff:192.0.2.1" is 192.0.2.1
    static std::optional<IpAddress> of(const sockaddr_storage& socket);
    static std::optional<IpAddress> of_bytes(std::string_view bytes);   // 4 or 16, in network order

    bool is_v4() const;
    bool is_loopback() const;                                    // 127.0.0.0/8 and ::1
    std::string text() const;
    std::string bytes() const;                                   // 4 or 16, in network order
    // Its name in the DNS: "1.2.0.192.in-addr.arpa" (RFC 1035 section 3.5), nibbles below ip6.arpa (RFC 3596 section 2.5).
    std::string reverse_name() const;
    IpAddress masked(unsigned bits) const;                       // of 128; an IPv4 address has its 32 at the end

    auto operator<=>(const IpAddress&) const = default;

  private:
    std::array<std::uint8_t, 16> bytes_{};
};

class Network {
  public:
    Network() = default;
    Network(IpAddress address, unsigned bits) : first_(address.masked(bits)), bits_(bits) {}
    // "192.0.2.0/24", "2001:db8::/32" or an address alone. Bits behind the prefix are an error of whoever wrote them.
    static std::optional<Network> parse(std::string_view text);

    bool contains(const IpAddress& address) const { return address.masked(bits_) == first_; }
    const IpAddress& first() const { return first_; }
    unsigned bits() const { return bits_; }                      // of 128
    std::string text() const;                                    // an address alone where it is one

    auto operator<=>(const Network&) const = default;

  private:
    IpAddress first_;
    unsigned bits_ = 128;
};

// Who is one client: an IPv4 address, or an IPv6 network of `v6_prefix` bits, since who has one address of it has them all.
Network client_network(const IpAddress& address, unsigned v6_prefix = 64);

bool contains(const std::vector<Network>& networks, const IpAddress& address);

} // namespace postern
