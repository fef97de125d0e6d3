// What the control socket's requests and api-local may ask of master: fixed-size questions, fixed-size answers.
#pragma once

#include "ipc/service_id.h"

#include <cstdint>

namespace postern::ipc {

// New verbs come last: an upgraded master is asked by an api-local of the version before.
enum class ControlVerb : std::uint32_t {
    ping,
    reload,          // read the configuration again; a wrong one changes nothing and its errors come back as text
    stop,            // drain, then stop
    log_level,       // argument: log::Level
    process,         // argument: index; one row of the process table, not_found past the end
    show_config,     // the checked configuration in force, as text
    upgrade,         // go on with the programs that are installed now; why not comes back as text
};
constexpr ControlVerb last_enumerator(ControlVerb) { return ControlVerb::upgrade; }

enum class ControlStatus : std::uint32_t { ok, refused, not_found, failed };

enum class ProcessState : std::uint32_t { starting, running, draining, backing_off };

struct ControlAnswer {
    ControlStatus status = ControlStatus::ok;
    ServiceId service = ServiceId::master;
    bool upgrading = false;          // master still replaces programs, this one or another
    std::uint8_t reserved[2] = {};
    std::uint32_t instance = 0;
    std::uint32_t generation = 0;
    std::int32_t pid = 0;
    std::uint32_t uid = 0;
    ProcessState state = ProcessState::starting;
    std::uint32_t restarts = 0;
    std::int64_t started = 0;        // seconds since the epoch
};

} // namespace postern::ipc
