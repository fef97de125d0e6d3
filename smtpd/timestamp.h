// Dates and times of RFC 3339, which FUTURERELEASE uses (RFC 4865).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::smtpd {

// "2026-11-21T08:20:00Z", or with an offset; seconds since the epoch. A fraction of a second is dropped.
std::optional<std::int64_t> parse_timestamp(std::string_view text);

std::string timestamp(std::int64_t seconds);   // in UTC

} // namespace postern::smtpd
