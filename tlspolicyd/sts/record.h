// The record that says a domain has a policy, and which version: RFC 8461 section 3.1. Pure.
#pragma once

#include "libcommon/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace postern::sts {

constexpr std::size_t max_id = 32;

// The id among the TXT records of _mta-sts.DOMAIN; an error says why the domain has, as far as the DNS tells, no policy.
Result<std::string> find_id(const std::vector<std::string_view>& records);

} // namespace postern::sts
