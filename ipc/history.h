// What api-local asks logd: everything that is known about a message, a connection or an address.
#pragma once

#include "ipc/message_type.h"
#include "libcommon/log.h"

namespace postern::ipc {

constexpr std::size_t max_history_page = 200;    // events of one answer
using HistoryKey = Text<998>;                    // a Message-ID is at most a line, RFC 5322 section 2.1.1

struct HistoryEvent {
    Text<32> source;                 // "smtpd/0"
    Text<log::max_record> record;    // a log::LogRecord (libcommon/log_record.h) as it travelled
    bool operator==(const HistoryEvent&) const = default;
    static auto fields(auto& m) { return std::tie(m.source, m.record); }
};

// busy: others ask already; off: logging.history_size is 0.
enum class HistoryStatus : std::uint8_t { ok, busy, off };
constexpr HistoryStatus last_enumerator(HistoryStatus) { return HistoryStatus::off; }

struct HistoryTimeline {
    static constexpr auto type = MessageType::history_timeline;
    HistoryStatus status = HistoryStatus::off;
    List<HistoryEvent, max_history_page> events;   // in order of time
    std::uint64_t total = 0;                       // of the whole timeline
    bool truncated = false;                        // older events were left out of it
    std::int64_t history_from = 0;                 // seconds since the epoch, as everywhere; 0: nothing is kept
    std::int64_t log_files_from = 0;               // 0: unknown
    static auto fields(auto& m) {
        return std::tie(m.status, m.events, m.total, m.truncated, m.history_from, m.log_files_from);
    }
};
struct HistoryQuery {
    static constexpr auto type = MessageType::history_query;
    using Reply = HistoryTimeline;
    HistoryKey key;                  // a queue id, a trace id, a Message-ID or an address
    std::int64_t since = 0;
    std::uint32_t skip = 0;          // events of the timeline that were seen already
    static auto fields(auto& m) { return std::tie(m.key, m.since, m.skip); }
};

} // namespace postern::ipc
