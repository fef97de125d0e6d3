#include "delivery/smtp/config.h"

#include "libcommon/text.h"
#include "libmail/address.h"

#include <algorithm>
#include <iterator>

namespace postern::smtp_out {
namespace {

constexpr std::string_view timeout_keys[] = {"outbound.connect_timeout",   "outbound.greeting_timeout",   "outbound.command_timeout",
                                             "outbound.tls_timeout",       "outbound.data_init_timeout",  "outbound.data_block_timeout",
                                             "outbound.data_done_timeout"};
static_assert(std::size(timeout_keys) == std::tuple_size_v<Timeouts>, "one for each Wait");

// tlspolicyd answers after outbound.mta_sts_patience at the latest; one that does not by then is away.
constexpr std::chrono::seconds policy_margin{10};

struct SizeOption {
    std::string_view key;
    std::size_t Settings::*member;
};
constexpr SizeOption sizes[] = {{"outbound.max_hosts", &Settings::max_hosts},
                                {"outbound.max_attempts", &Settings::max_attempts},
                                {"outbound.max_idle", &Settings::max_idle},
                                {"outbound.max_messages", &Settings::max_messages},
                                {"outbound.tls_sessions", &Settings::max_tls_sessions}};

IpVersion ip_version(std::string_view name) {
    return name == "ipv4" ? IpVersion::ipv4 : name == "ipv6" ? IpVersion::ipv6 : IpVersion::any;
}

std::optional<IpAddress> read_address(const Config& config, std::string_view key, std::vector<std::string>& faults) {
    const std::string& text = config.text(key);
    if (text.empty()) return std::nullopt;
    auto address = IpAddress::parse(text);
    if (!address) faults.push_back(std::string(key) + ": " + text);
    return address;
}

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    for (line = trim(line); !line.empty(); line = trim(line)) {
        const auto end = std::min(line.find_first_of(" \t"), line.size());
        words.push_back(line.substr(0, end));
        line.remove_prefix(end);
    }
    return words;
}

void read_bind_senders(const Config& config, Settings& settings, std::vector<std::string>& faults) {
    for (const std::string& line : config.list("outbound.bind_senders")) {
        const auto end = std::min(line.find_first_of(" \t="), line.size());
        const auto address = IpAddress::parse(trim(std::string_view(line).substr(std::min(end + 1, line.size()))));
        if (address) settings.bind_senders[ascii_lower(line.substr(0, end))].push_back(*address);
        else faults.push_back("outbound.bind_senders: " + line);
    }
}

} // namespace

Settings read_settings(const Config& config, std::vector<std::string>& faults) {
    Settings settings;
    settings.helo = config.text(config.text("outbound.helo").empty() ? "server.hostname" : "outbound.helo");
    settings.port = static_cast<std::uint16_t>(config.number("outbound.port"));
    settings.ip_version = ip_version(config.text("outbound.ip_version"));
    settings.max_deliveries = static_cast<std::uint32_t>(config.number("outbound.max_deliveries"));
    for (const SizeOption& option : sizes) settings.*option.member = config.size(option.key);
    for (std::size_t i = 0; i < settings.timeouts.size(); ++i) settings.timeouts[i] = config.duration(timeout_keys[i]);
    settings.delivery_timeout = config.duration("outbound.delivery_timeout");
    settings.chunking = config.flag("outbound.chunking");
    settings.pipelining = config.flag("outbound.pipelining");
    settings.idle_time = config.duration("outbound.idle_time");
    settings.max_connection_age = config.duration("outbound.max_connection_age");
    settings.tls_fallback = config.flag("outbound.tls_fallback");
    settings.mta_sts = config.flag("outbound.mta_sts");
    settings.policy_deadline = config.duration("outbound.mta_sts_patience") + policy_margin;
    settings.tls_reports = config.flag("tls_reports.enabled");
    const TlsLevel level = parse_tls_level(config.text("outbound.tls_level")).value_or(TlsLevel::dane);
    std::vector<std::string> lines;
    settings.tls_policy = TlsPolicy::parse(level, config.list("outbound.tls_policy"), lines);
    for (const std::string& line : lines) faults.push_back("outbound.tls_policy: " + line);
    settings.bind_ipv4 = read_address(config, "outbound.bind_ipv4", faults);
    settings.bind_ipv6 = read_address(config, "outbound.bind_ipv6", faults);
    read_bind_senders(config, settings, faults);
    return settings;
}

std::map<std::string, Credentials, std::less<>> parse_credentials(std::string_view text, std::vector<std::string>& faults) {
    std::map<std::string, Credentials, std::less<>> credentials;
    for (std::string_view line : split(text, '\n')) {
        line = trim(line.substr(0, line.find('\r')));
        if (line.empty() || line.starts_with('#')) continue;
        const auto words = words_of(line);
        const auto hop = mail::parse_next_hop(words.front());
        // The line is not shown: a password may be in it.
        if (words.size() != 3 || !hop) faults.push_back("outbound.credentials: a line of " + std::to_string(words.size()) + " words");
        else credentials[hop->text()] = {std::string(words[1]), std::string(words[2])};
    }
    return credentials;
}

const Credentials* credentials_for(const Settings& settings, const mail::NextHop& hop) {
    const auto at = settings.credentials.find(hop.text());
    return at == settings.credentials.end() ? nullptr : &at->second;
}

std::optional<IpAddress> source_for(const Settings& settings, std::string_view reverse_path, const IpAddress& target) {
    const auto domain = mail::split_address(reverse_path).second;
    if (const auto at = settings.bind_senders.find(ascii_lower(domain)); at != settings.bind_senders.end())
        for (const IpAddress& address : at->second)
            if (address.is_v4() == target.is_v4()) return address;
    return target.is_v4() ? settings.bind_ipv4 : settings.bind_ipv6;
}

} // namespace postern::smtp_out
