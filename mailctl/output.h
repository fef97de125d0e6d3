// How answers look to people: tables, amounts, times. --json shows the API's own answer instead.
#pragma once

#include "libcommon/json.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::mailctl {

// Columns as wide as their widest cell; the last one unpadded. No rows: nothing but the head.
std::string table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows);

// "name  value" lines, names aligned.
std::string sheet(const std::vector<std::pair<std::string, std::string>>& lines);

std::string amount(std::uint64_t bytes);                 // "1.5 GiB"; exact below 1 KiB
std::string limit(const json::Value& bytes, bool is_bytes);   // "none" for 0, "domain" for null
std::string size_limit(const json::Value& bytes);        // "server's" for 0
std::string local_time(std::int64_t seconds);            // "2026-11-21 08:20:08", "never" for 0

// A member as text, whatever its type; control characters escaped: mail addresses reach a terminal here.
std::string shown(const json::Value& value);

} // namespace postern::mailctl
