#include "smtpd/config.h"

#include <algorithm>
#include <unistd.h>
#include <variant>

namespace postern::smtpd {
namespace {

using Member = std::variant<bool Limits::*, HeaderChecks Limits::*, LineEnds Limits::*, std::uint64_t Limits::*, std::chrono::milliseconds Limits::*, std::string Limits::*,
                            std::vector<Network> Limits::*>;

// Default, range and help of each are in config/schema.cc, which checks them before any daemon starts.
struct Option {
    std::string_view key;
    Member member;
    std::uint64_t unit = 1;
};
const Option options[] = {
    {"server.hostname", &Limits::hostname},
    {"smtp.max_size_mb", &Limits::message_bytes, 1024 * 1024},
    {"queue.inline_limit", &Limits::inline_bytes},
    {"smtp.max_recipients", &Limits::recipients},
    {"smtp.max_errors", &Limits::errors},
    {"smtp.max_junk_commands", &Limits::junk_commands},
    {"smtp.max_login_failures", &Limits::login_failures},
    {"auth.channel_binding", &Limits::channel_binding},
    {"auth.cram_md5", &Limits::cram_md5},
    {"smtp.max_command_line", &Limits::command_bytes},
    {"smtp.max_message_line", &Limits::line_bytes},
    {"smtp.bare_line_ends", &Limits::line_ends},
    {"smtp.max_hops", &Limits::hops},
    {"smtp.max_header", &Limits::header_bytes},
    {"smtp.header_checks", &Limits::header_checks},
    {"smtp.submission_header_checks", &Limits::submission_header_checks},
    {"smtp.address_literals", &Limits::address_literals},
    {"smtp.public_addresses", &Limits::public_addresses},
    {"smtp.submission_check_from", &Limits::check_authors},
    {"smtp.submission_client_address", &Limits::submission_client},
    {"smtp.max_connections", &Limits::connections},
    {"smtp.max_client_connections", &Limits::client_connections},
    {"smtp.reserved_for_known", &Limits::reserved_known},
    {"smtp.reserved_for_submission", &Limits::reserved_submission},
    {"smtp.max_hold", &Limits::hold},
    {"smtp.timeout", &Limits::timeout},
    {"smtp.stress_timeout", &Limits::stress_timeout},
    {"smtp.tls_timeout", &Limits::tls_timeout},
};

struct Read {
    const Config& config;
    Limits& limits;
    const Option& option;

    void operator()(bool Limits::*member) const { limits.*member = config.flag(option.key); }
    void operator()(HeaderChecks Limits::*member) const {
        const auto& names = header_checks_names;
        limits.*member = static_cast<HeaderChecks>(std::find(names.begin(), names.end(), config.text(option.key)) - names.begin());
    }
    void operator()(LineEnds Limits::*member) const {
        limits.*member = config.text(option.key) == "normalize" ? LineEnds::normalize : LineEnds::refuse;
    }
    void operator()(std::uint64_t Limits::*member) const { limits.*member = config.number(option.key) * option.unit; }
    void operator()(std::chrono::milliseconds Limits::*member) const { limits.*member = config.duration(option.key); }
    void operator()(std::string Limits::*member) const { limits.*member = config.text(option.key); }
    void operator()(std::vector<Network> Limits::*member) const { limits.*member = config.networks(option.key); }
};

std::string system_name() {
    char name[256] = {};
    return ::gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

} // namespace

Limits read_limits(const Config& config) {
    Limits limits;
    for (const Option& option : options) std::visit(Read{config, limits, option}, option.member);
    if (limits.hostname.empty()) limits.hostname = system_name();
    return limits;
}

} // namespace postern::smtpd
