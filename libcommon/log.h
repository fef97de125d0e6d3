// Events: one decision, one line. A dotted name, then key=value, always with `session` or `queue`, so that one
// grep follows a message from accept to delivered. Bodies and secrets never appear.
//
//   log::info("smtpd.rcpt.accept", {{"session", trace.text()}, {"rcpt", recipient}});
//
// Records go to logd as datagrams, those of 10 ms together (a wake-up of logd for each turn of each daemon cost a sixth
// of the throughput); a warning takes with it what waits. What does not fit is dropped and counted.
// Before a logd is known (tests, tools, start-up) they are text on standard error.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace postern::log {

enum class Level : std::uint8_t { debug, info, warning, error };
constexpr Level last_enumerator(Level) { return Level::error; }
std::string_view to_string(Level level);
bool parse_level(std::string_view name, Level& level);

struct Field {
    std::string_view key;
    std::string value;

    Field(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
    Field(std::string_view k, std::string_view v) : key(k), value(v) {}
    Field(std::string_view k, const char* v) : key(k), value(v) {}
    template <std::integral T> Field(std::string_view k, T v) : key(k), value(std::to_string(v)) {}
};
using Fields = std::initializer_list<Field>;

void event(Level level, std::string_view name, Fields fields);
inline void debug(std::string_view name, Fields fields) { event(Level::debug, name, fields); }
inline void info(std::string_view name, Fields fields) { event(Level::info, name, fields); }
inline void warning(std::string_view name, Fields fields) { event(Level::warning, name, fields); }
inline void error(std::string_view name, Fields fields) { event(Level::error, name, fields); }

bool enabled(Level level);
void set_level(Level level);

// From now on records go to this datagram socket, not owned; -1 goes back to standard error.
void set_socket(int fd);
void flush();                 // sends what was collected
bool waiting();               // something was; to be flushed within longest_wait
inline constexpr std::chrono::milliseconds longest_wait{10};
std::uint64_t dropped();      // records that did not fit, since start

// One record as it travels; logd reads a datagram as records one after another.
constexpr std::size_t max_record = 4096;
constexpr std::size_t max_datagram = 32768;

} // namespace postern::log
