// Which hosts take a domain's mail, in which order: RFC 5321 section 5.1. Pure: the DNS answer is an argument, and so is chance.
#pragma once

#include "delivery/smtp/outcome.h"
#include "ipc/dns.h"

#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace postern::smtp_out {

struct MxHost {
    std::string name;
    std::uint16_t preference = 0;
    bool operator==(const MxHost&) const = default;
};

struct MxHosts {
    std::vector<MxHost> hosts;           // the best first, equals shuffled
    bool authentic = false;              // by DNSSEC: what DANE may build on
    std::optional<Outcome> problem;      // then there are none
};

using Chance = std::mt19937;

// `is_us`: a name is one of this host's.
MxHosts choose_hosts(const std::string& domain, const ipc::DnsAnswer& answer,
                     const std::function<bool(std::string_view)>& is_us, Chance& chance);

// We are the host of this preference: to it and to all beyond, mail would come back (section 5.1). Cuts those.
void cut_at(std::vector<MxHost>& hosts, std::uint16_t preference);

Outcome loops_back(std::string_view domain);
// Somebody answers and DNSSEC says that it is not true; `what` with its verb, "the MX is".
Outcome bogus_answer(std::string_view what, const ipc::DnsAnswer& answer);
// Of a name without the records that were asked for.
Outcome no_answer(std::string_view name, const ipc::DnsAnswer& answer);

} // namespace postern::smtp_out
