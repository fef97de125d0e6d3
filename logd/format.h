// One record as one line: text for people and grep, or JSON for collectors. Control characters never pass.
#pragma once

#include "libcommon/log_record.h"

#include <string>
#include <string_view>

namespace postern::logd {

enum class Format { text, json };

// `source` is what logd stamps, not what the sender says: "smtpd/0".
std::string format_line(Format format, std::string_view source, const log::LogRecord& record);

} // namespace postern::logd
