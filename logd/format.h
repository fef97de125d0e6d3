// One record as one line: text for people and grep, or JSON for collectors. Control characters never pass.
#pragma once

#include "libcommon/log_record.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::logd {

enum class Format { text, json };

// `source` is what logd stamps, not what the sender says: "smtpd/0".
std::string format_line(Format format, std::string_view source, const log::LogRecord& record);

// The time such a line begins with, in seconds since the epoch.
std::optional<std::int64_t> time_of_line(std::string_view line);

// RFC 3339 in UTC with microseconds: sorts as text.
std::string timestamp(std::int64_t time_us);

} // namespace postern::logd
