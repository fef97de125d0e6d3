// What a domain's MTA-STS policy says of a host of its MX: RFC 8461 section 4.1. Pure.
#pragma once

#include "delivery/smtp/tls_policy.h"

#include <string_view>

namespace postern::smtp_out {

// "mail.example.com" covers that host, "*.example.com" every host one label below it and no other.
bool covers(std::string_view pattern, std::string_view host);

StsFinding sts_finding(const ipc::TlsPolicy& policy, std::string_view host);

} // namespace postern::smtp_out
