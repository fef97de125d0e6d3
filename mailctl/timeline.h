// How a timeline of events looks to people. Pure but for the time zone.
#pragma once

#include "libcommon/json.h"

#include <cstdint>
#include <string>

namespace postern::mailctl {

// One line per event; the trace id is told once when all events share it.
std::string timeline_text(const json::Value& answer);

// When there is none: how far back was looked, and where more may be found.
std::string nothing_known(const std::string& key, std::int64_t since, const json::Value& answer);

} // namespace postern::mailctl
