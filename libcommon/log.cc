#include "libcommon/log.h"

#include "libcommon/log_record.h"
#include "libcommon/text.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <sys/socket.h>
#include <unistd.h>

namespace postern::log {
namespace {

struct State {
    Level level = Level::info;
    int socket = -1;
    std::string batch;
    std::uint64_t dropped = 0;
    std::uint64_t in_batch = 0;
};
State& state() {
    static State the_state;
    return the_state;
}

LogRecord make_record(Level level, std::string_view name, Fields fields) {
    LogRecord record;
    record.level = level;
    record.time_us = std::chrono::duration_cast<std::chrono::microseconds>(
                         std::chrono::system_clock::now().time_since_epoch()).count();
    record.name = name.substr(0, record.name.limit);
    for (const Field& field : fields) {
        if (record.values.size() == record.values.limit) break;
        RecordField value;
        value.key = field.key.substr(0, value.key.limit);
        value.value = std::string_view(field.value).substr(0, value.value.limit);
        record.values.push_back(std::move(value));
    }
    return record;
}

void write_to_stderr(const LogRecord& record) {
    const std::string line = std::string(to_string(record.level)) + " " + to_text(record) + "\n";
    (void)!::write(STDERR_FILENO, line.data(), line.size());
}

} // namespace

std::string_view to_string(Level level) {
    constexpr std::string_view names[] = {"debug", "info", "warning", "error"};
    return names[static_cast<std::size_t>(level)];
}

bool parse_level(std::string_view name, Level& level) {
    for (Level candidate : {Level::debug, Level::info, Level::warning, Level::error}) {
        if (name != to_string(candidate)) continue;
        level = candidate;
        return true;
    }
    return false;
}

bool enabled(Level level) { return level >= state().level; }
void set_level(Level level) { state().level = level; }
std::uint64_t dropped() { return state().dropped; }
bool waiting() { return !state().batch.empty(); }

void set_socket(int fd) {
    flush();
    state().socket = fd;
}

void event(Level level, std::string_view name, Fields fields) {
    if (!enabled(level)) return;
    const LogRecord record = make_record(level, name, fields);
    if (state().socket < 0) return write_to_stderr(record);

    std::string body = encode(record);
    if (body.size() > max_record) {                       // many long values: keep the name and say so
        body = encode(make_record(level, name, {{"truncated", body.size()}}));
    }
    State& s = state();
    if (s.batch.size() + body.size() + 4 > max_datagram) flush();
    Writer(s.batch).put(static_cast<std::uint32_t>(body.size()));
    s.batch += body;
    ++s.in_batch;
    if (level >= Level::warning) flush();                 // what may be our last word does not wait
}

void flush() {
    State& s = state();
    if (s.batch.empty()) return;
    // Never waits: a log that stands still must not stop mail (TESTCARD B7).
    if (s.socket < 0 || ::send(s.socket, s.batch.data(), s.batch.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        s.dropped += s.in_batch;
    s.batch.clear();
    s.in_batch = 0;
}

namespace {
// Shown as it is: most values are.
bool is_plain(std::string_view value) {
    return !value.empty() && std::all_of(value.begin(), value.end(), [](char c) {
        return c > 0x20 && c < 0x7F && c != '"' && c != '=' && c != '\\';
    });
}
} // namespace

std::string to_text(const LogRecord& record) {
    std::string line(record.name.view());
    for (const RecordField& field : record.values) {
        line.append(" ").append(field.key.view()).append("=");
        const std::string_view value = field.value.view();
        if (is_plain(value)) {
            line += value;
            continue;
        }
        const std::string shown = printable(value, value.size());
        line.push_back('"');
        for (char c : shown) {
            if (c == '"') line.push_back('\\');
            line.push_back(c);
        }
        line.push_back('"');
    }
    return line;
}

} // namespace postern::log
