// A policy as strangers serve it: what is read of it is bounded, made of host names, and the same when it is written and read again.
#include "tlspolicyd/sts/policy.h"

#include <cstdint>
#include <cstdlib>

using namespace postern;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)sts::is_plain_text(text);
    const auto policy = sts::parse_policy(text);
    if (!policy) return 0;
    require(policy->max_age >= 0 && policy->max_age <= sts::longest_age);
    require(policy->mx.size() <= ipc::max_mx_patterns);
    require(policy->mode == ipc::StsMode::none || !policy->mx.empty());
    for (const std::string& pattern : policy->mx) require(sts::is_host_name(pattern.starts_with("*.") ? pattern.substr(2) : pattern));
    std::string written;
    for (const std::string& line : sts::lines_of(*policy)) written += line + "\r\n";
    const auto again = sts::parse_policy(written);
    require(again.ok() && *again == *policy);
    return 0;
}
