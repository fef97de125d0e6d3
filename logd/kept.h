// One event as history keeps it, and the keys it can be found by.
//
// In a block, in the tail and in memory events lie one behind the other: their size in 4 bytes, then the source that
// logd stamped, then the record as it came (libcommon/log_record.h). Nothing is encoded a second time.
#pragma once

#include "libcommon/log_record.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::logd {

struct Kept {
    Text<32> source;                 // "smtpd/0"
    log::LogRecord record;
    bool operator==(const Kept&) const = default;
    static auto fields(auto& m) { return std::tie(m.source, m.record); }

    std::string_view field(std::string_view key) const;   // empty when it is not there
};
constexpr std::size_t max_kept = 4 + 32 + log::max_record;

// Calls `each` with one event after the other and its bytes; false when the bytes are malformed from some point on.
bool each_kept(std::string_view bytes, const std::function<void(Kept, std::string_view)>& each);

// What a person asks for and what an event says meet in this form: no blanks around it, no <>, lower case. (Local
// parts and Message-IDs are case-sensitive on paper only: who searches is better served by one answer too many.)
std::string normal_key(std::string_view written);

using KeyHash = std::uint64_t;
KeyHash hash_of(std::string_view normal);

// The fields an event is found by: identifiers and addresses (the table is in the .cc).
void add_keys(const log::LogRecord& record, std::vector<KeyHash>& into);
bool mentions(const log::LogRecord& record, std::string_view normal);

// Events on their way into a block.
struct Batch {
    std::string events;
    std::vector<KeyHash> keys;
    std::uint32_t count = 0;
    std::int64_t first_us = INT64_MAX, last_us = INT64_MIN;

    void add(std::string_view source, std::string_view encoded_record, const log::LogRecord& record);
    void add(const Batch& later);
    bool empty() const { return count == 0; }
};

} // namespace postern::logd
