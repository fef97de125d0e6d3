// The addresses of one host, and the TLSA records that say what its certificate is: what is asked of the DNS before it is
// connected to.
#pragma once

#include "delivery/smtp/outcome.h"
#include "delivery/smtp/tls_policy.h"
#include "ipc/dns.h"
#include "libcommon/network.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace postern::smtp_out {

// One question to the DNS; the answer comes later, exactly once, whatever happens.
using Ask = std::function<void(const std::string& name, ipc::DnsType type, std::function<void(const ipc::DnsAnswer&)> done)>;

enum class IpVersion : std::uint8_t { any, ipv4, ipv6 };

struct HostFound {
    std::vector<IpAddress> addresses;        // IPv6 and IPv4 in turns
    DaneFinding dane;
    std::optional<Outcome> problem;          // no address, or TLSA records that could not be had: not to be connected to
    bool is_bogus = false;                   // DNSSEC says that what is answered is not true
};

struct HostQuestion {
    std::string name;
    std::uint16_t port = 25;
    IpVersion version = IpVersion::any;
    bool dane = false;                       // the way to this name is authentic, and TLSA records matter
};
void look_up_host(const Ask& ask, const HostQuestion& question, std::function<void(HostFound)> done);

} // namespace postern::smtp_out
