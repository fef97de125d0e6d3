// Every option of postern.yaml, once: the reader checks against it, `mailctl config` and postern.yaml(5) print it,
// and the column `for_services` decides whose slice a value is in.
#pragma once

#include "ipc/service_id.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace postern::config {

enum class Kind : std::uint8_t {
    text,
    path,
    number,      // min..max
    size,        // bytes; B, KiB, MiB, GiB, KB, MB, GB as units
    duration,    // milliseconds; ms, s, min, h, d as units, seconds without one
    flag,        // true or false
    choice,      // one of `choices`, separated by |
    rate,        // COUNT/DURATION, or off
    list,        // texts
    networks,    // list of networks as 192.0.2.0/24, and addresses
    addresses,   // list of host:port, IPv6 in brackets; empty turns the listener off
    loopback,    // the same, of this host only: whoever comes is trusted
    durations,   // list of durations
    rules,       // list of "PATTERN property=value ...", the properties as in destination_rule.h; one item where no list is given
    servers,     // list of addresses to ask, with a port or without: "192.0.2.1", "[2001:db8::1]:5353"
};

struct Option {
    std::string_view key;        // "smtp.max_size_mb"
    Kind kind;
    std::string_view fallback;   // as written in the file; lists separated by blanks
    std::uint64_t min, max;      // of number, size, duration
    std::string_view choices;
    std::uint32_t for_services;  // bits of ipc::ServiceId; master sees everything
    std::string_view help;
};

std::span<const Option> options();
const Option* find_option(std::string_view key);
std::string_view nearest_key(std::string_view unknown);   // by edit distance; empty when nothing is near

constexpr std::uint32_t bit(ipc::ServiceId service) { return 1U << static_cast<unsigned>(service); }

} // namespace postern::config
