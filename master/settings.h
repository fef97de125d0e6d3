// What master was started with.
#pragma once

#include <cstdint>
#include <filesystem>

namespace postern::master {

struct Options {
    std::filesystem::path config_file = "/etc/postern/postern.yaml";
    std::filesystem::path libexec = "/usr/libexec/postern";
    std::uint32_t uid_base = 0;          // a lab's own range; 0: the users of the service table
    int resume = -1;                     // an upgrade: the descriptor of the handover
};

} // namespace postern::master
