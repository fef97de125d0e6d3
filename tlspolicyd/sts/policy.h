// A policy as a domain publishes it: RFC 8461 section 3.2. Pure.
#pragma once

#include "ipc/tls_policy.h"
#include "libcommon/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace postern::sts {

constexpr std::size_t max_policy_size = 64 * 1024;               // section 3.3
constexpr std::int64_t longest_age = 31'557'600;                 // seconds

struct Policy {
    ipc::StsMode mode = ipc::StsMode::none;
    std::vector<std::string> mx;                                 // in lower case: "mail.example.com", "*.example.net"
    std::int64_t max_age = 0;                                    // seconds, at most longest_age
    bool operator==(const Policy&) const = default;
};
Result<Policy> parse_policy(std::string_view text);
// The same as lines, as a report quotes it (RFC 8460 section 4.4).
std::vector<std::string> lines_of(const Policy& policy);

// Who lets others put pages or pictures on its host does not thereby let them make a policy (section 3.2).
bool is_plain_text(std::string_view content_type);

// A name of the DNS as policies and hosts write it: labels of letters, digits, hyphens and underscores, in lower case.
bool is_host_name(std::string_view name);

} // namespace postern::sts
