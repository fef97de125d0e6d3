#include "delivery/smtp/sts.h"

#include "libcommon/text.h"

#include <algorithm>

namespace postern::smtp_out {

bool covers(std::string_view pattern, std::string_view host) {
    if (!pattern.starts_with("*.")) return iequals(pattern, host);
    const auto dot = host.find('.');
    return dot != std::string_view::npos && dot != 0 && iequals(pattern.substr(2), host.substr(dot + 1));
}

StsFinding sts_finding(const ipc::TlsPolicy& policy, std::string_view host) {
    const bool listed = std::any_of(policy.mx.begin(), policy.mx.end(), [host](const auto& pattern) { return covers(pattern.view(), host); });
    return {policy.mode, policy.id.value, listed};
}

} // namespace postern::smtp_out
