// One rule for mail to other domains: "example.com via=[192.0.2.1]:2525 concurrency=5 rate=100/1min retry=1min,5min attempts=5
// age=1d". Its pattern is a domain, ".domain" for all below it, or "*".
#pragma once

#include "libcommon/result.h"

#include <string>
#include <string_view>

namespace postern::config {

// The rule with its values as they go to the processes (durations in milliseconds), or Errc::invalid with what is wrong.
Result<std::string> destination_rule(std::string_view written);

} // namespace postern::config
