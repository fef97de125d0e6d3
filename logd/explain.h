// Answers a question of `mailctl explain` from the history, within limits: what a question may cost is bounded whatever
// it asks for, and an answer that is not whole says so.
#pragma once

#include "logd/history.h"

namespace postern::logd {

constexpr std::size_t max_mentions = 500;        // events that name the key; the youngest ones
constexpr std::size_t max_candidates = 20'000;   // events looked at around them
constexpr std::size_t max_timeline = 1'000;      // events of an answer

struct Explanation {
    std::vector<Kept> events;                    // in order of time
    bool truncated = false;                      // there was more: older events are left out
};

Explanation explain(History& history, std::string_view key, std::int64_t since_us);

} // namespace postern::logd
