// One process of a service: its life from fork to exit, and what it was granted.
#pragma once

#include "ipc/birth.h"
#include "ipc/channel.h"
#include "ipc/control.h"
#include "libcommon/loop.h"
#include "master/services.h"
#include "master/settings.h"

#include <memory>

namespace postern::master {

struct Child {
    const Service& row;
    std::uint32_t instance;
    std::uint32_t generation = 0;        // counts its starts
    std::uint32_t uid = 0;

    // Who is found under the name: a successor is not until it is ready, then its predecessor is not any more.
    enum class Role : std::uint8_t { serving, coming, leaving } role = Role::serving;
    bool outdated = false;               // runs what was there before an upgrade, and is to be replaced
    ipc::ProcessState state = ipc::ProcessState::backing_off;
    pid_t pid = -1;
    Fd birth;                            // our end
    std::unique_ptr<Watch> readable;
    std::unique_ptr<Timer> timer;        // restart, or its bucket has refilled
    std::unique_ptr<Timer> limit;        // of its drain, or of a successor's start: then it is killed
    Fd counter_page;                     // its numbers; readers get read-only descriptors
    Fd log_read, log_write;              // its way to logd, kept over restarts of either
    std::int64_t started = 0;            // wall clock, for people
    std::chrono::steady_clock::time_point ready_at{};
    std::uint32_t restarts = 0;
    unsigned failures = 0;               // in a row, for the back-off
    bool sees_drain = false;

    // Requests it may still make now: a token bucket against a child gone wild.
    double tokens = request_burst;
    std::chrono::steady_clock::time_point refilled = std::chrono::steady_clock::now();
    static constexpr double request_burst = 400, requests_per_second = 200;

    Child(const Service& service, std::uint32_t number) : row(service), instance(number) {}
    ipc::Peer name() const { return {row.id, instance, generation}; }
    bool running() const { return pid > 0; }
    bool take_token();
};

// Forks and executes; the child begins with nothing but its birth socket and standard error. Sets pid and birth.
Result<void> spawn(Child& child, const Options& options);

constexpr std::chrono::seconds successor_start_limit(20);      // from its start until it is ready; each attempt again

// How long to wait before the next start: at once after a good life, then ever longer.
std::chrono::milliseconds restart_delay(unsigned failures);

} // namespace postern::master
