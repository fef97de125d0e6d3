// What the kernel says of a process: /proc/<pid>/status, beside what master says. Pure but for the reading.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::mailctl {

struct ProcessFacts {
    bool found = false;
    std::string uid;             // real, of four
    std::string capabilities;    // effective set, hex without leading zeros
    std::string no_new_privs, seccomp;
    std::uint64_t memory = 0;    // resident, bytes
};

ProcessFacts parse_status(std::string_view text);
ProcessFacts facts_of(std::int64_t pid);

} // namespace postern::mailctl
