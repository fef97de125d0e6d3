// Who runs, as whom, confined to what, talking to whom: the whole system in one table. `mailctl ps` prints it
// beside what /proc says.
#pragma once

#include "ipc/service_id.h"

#include <cstdint>
#include <span>
#include <string_view>

namespace postern::master {

// The directory a service is confined to, and finds as "/" when it was started by root.
enum class Root : std::uint8_t { empty, spool, mail, auth_state, policy_state, tls_state, log_dir };

struct Service {
    ipc::ServiceId id;
    std::string_view user = {};                 // of the installed system; a lab numbers from its own range
    Root root = Root::empty;
    std::uint32_t abilities = 0;           // of libcommon/sandbox.h
    std::string_view listeners = {};            // options naming addresses or sockets, separated by blanks; "unix:NAME" a socket in run_dir
    std::string_view processes = {};            // option with their number; empty: one
    std::uint32_t open_files = 1024;
    std::uint32_t memory_mib = 0;          // address space; 0: no limit
    std::string_view certificates = {};         // the section whose tls_cert it shows: "smtp"
    bool keys = false;                     // gets the private keys
    std::string_view files = {};           // of the host, shown to it, again at each reload: paths, or options that name one
    std::string_view secret_files = {};    // likewise; one that others than its owner may read is not shown
    bool logs = false;                     // gets everybody's log sockets
    bool pages = false;                    // sees everybody's counters
    bool control = false;                  // may ask master (ipc/control.h)
    bool overlaps = false;                 // an upgrade starts the new one before the old one ends; else after
    std::uint8_t stop_order = 0;           // fronts first, what they depend on later; upgrades go the other way
};

std::span<const Service> services();
const Service& service(ipc::ServiceId id);

} // namespace postern::master
