// Where a message goes next, as routes and smarthosts are written and as a recipient's domain stands:
//
//   example.org                  by its MX
//   example.org:2525             by its MX, at that port
//   [relay.example.org]:587      that host itself, no MX asked
//   [192.0.2.1]  [IPv6:2001:db8::1]:25  [2001:db8::1]
//   smtps:relay.example.org      TLS from the first byte, port 465; no MX asked
//   lmtp:[192.0.2.1]:24          LMTP (RFC 2033); no MX asked
//   smtp:...                     what is meant without a protocol
#pragma once

#include "libcommon/network.h"
#include "libcommon/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::mail {

struct NextHop {
    enum class Protocol : std::uint8_t { smtp, smtps, lmtp };
    Protocol protocol = Protocol::smtp;
    std::string host;                       // lower case, A-labels; of an address its text
    std::optional<IpAddress> address;       // it is one
    bool by_mx = true;
    std::uint16_t port = 0;                 // 0: none was named

    bool operator==(const NextHop&) const = default;
    std::string text() const;               // in this grammar again
};

Result<NextHop> parse_next_hop(std::string_view text);

} // namespace postern::mail
