// Confinement: what a process gives up, in the order that cannot be undone. One row of master/services.cc says
// what; enter() does it and nothing else.
//
// Sanitizer builds skip the system call filter and the memory limit: their runtimes open /proc, map terabytes
// and use calls no filter of ours allows. What was left out is said once, in the log.
#pragma once

#include "libcommon/owned.h"
#include "libcommon/result.h"

#include <cstdint>
#include <string>
#include <sys/types.h>

namespace postern::sandbox {

// What a process may ask of the kernel beyond computing, its clock, its loop and its open descriptors.
enum Ability : std::uint32_t {
    accept_sockets = 1U << 0,     // accept4, getsockname, setsockopt on inherited listeners
    pass_sockets   = 1U << 1,     // socketpair: to hand a session on
    files_read     = 1U << 2,     // open and list below its root
    files_write    = 1U << 3,     // create, rename, remove, flush below its root
    threads        = 1U << 4,     // a worker beside the loop
    database       = 1U << 5,     // what SQLite needs: byte-range locks, mmap of its -shm
    large_memory   = 1U << 6,     // mmap growth of Argon2 workers
    connect_sockets = 1U << 7,    // Internet sockets of its own: to connect, to ask
};

struct Confinement {
    std::uint32_t uid = 0, gid = 0;      // 0: stay who we are (started without root)
    bool change_root = false;            // to `root`, which is then "/"
    std::uint32_t abilities = 0;
    std::uint64_t memory_bytes = 0;      // RLIMIT_AS; 0: none
    std::uint32_t open_files = 1024;
    bool filter = true;                  // the system call filter; off only by server.seccomp: false
};

// Enters it. `root` is a directory descriptor, needed with change_root and for Landlock.
// Says in `missing` what this kernel could not do ("landlock"), empty when nothing is missing.
Result<void> enter(const Confinement& confinement, int root, std::string& missing);

} // namespace postern::sandbox
