// The options of outbound delivery, out of this process's slice. Their defaults, ranges and help are in config/schema.cc.
#pragma once

#include "delivery/smtp/host_lookup.h"
#include "delivery/smtp/opening.h"
#include "delivery/smtp/tls_policy.h"
#include "libcommon/config.h"

#include <array>
#include <chrono>
#include <map>

namespace postern::smtp_out {

using std::chrono::milliseconds;

// How long each thing may take; by Wait.
using Timeouts = std::array<milliseconds, 7>;

struct Settings {
    std::string helo;
    std::uint16_t port = 25;
    IpVersion ip_version = IpVersion::any;
    std::uint32_t max_deliveries = 0;
    std::size_t max_hosts = 0, max_attempts = 0;
    Timeouts timeouts{};
    milliseconds delivery_timeout{};
    bool chunking = true, pipelining = true;
    milliseconds idle_time{}, max_connection_age{};
    std::size_t max_idle = 0, max_messages = 0;
    TlsPolicy tls_policy;
    std::size_t max_tls_sessions = 0;
    bool tls_fallback = true, tls_reports = true;
    bool mta_sts = true;
    milliseconds policy_deadline{};                  // for tlspolicyd to say what a domain's policy is
    std::optional<IpAddress> bind_ipv4, bind_ipv6;
    std::map<std::string, std::vector<IpAddress>, std::less<>> bind_senders;   // by domain of the reverse-path
    std::map<std::string, Credentials, std::less<>> credentials;               // by next hop
};

// What is wrong in options that the reader of the configuration cannot judge goes to `faults`, for the log.
Settings read_settings(const Config& config, std::vector<std::string>& faults);

// A file of lines "next-hop user password", '#' begins a comment: what smtp-out logs in with, and where.
std::map<std::string, Credentials, std::less<>> parse_credentials(std::string_view text, std::vector<std::string>& faults);

const Credentials* credentials_for(const Settings& settings, const mail::NextHop& hop);
std::optional<IpAddress> source_for(const Settings& settings, std::string_view reverse_path, const IpAddress& target);

} // namespace postern::smtp_out
