// One event as it travels from a process to logd: a datagram holds one or more, each length-prefixed.
#pragma once

#include "libcommon/codec.h"
#include "libcommon/log.h"

namespace postern::log {

struct RecordField {
    Text<64> key;
    Text<2048> value;
    bool operator==(const RecordField&) const = default;
    static auto fields(auto& m) { return std::tie(m.key, m.value); }
};

struct LogRecord {
    Level level = Level::info;
    std::int64_t time_us = 0;        // since the epoch
    Text<96> name;
    List<RecordField, 24> values;
    bool operator==(const LogRecord&) const = default;
    static auto fields(auto& m) { return std::tie(m.level, m.time_us, m.name, m.values); }
};

// "name key=value key=value": values with blanks, quotes or control bytes are quoted and escaped, so that one
// event is one line whatever a client sent.
std::string to_text(const LogRecord& record);

} // namespace postern::log
