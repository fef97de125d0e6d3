// bounce's options, in one table.
#pragma once

#include "libcommon/config.h"

#include <cstdint>
#include <string>

namespace postern::bounce {

struct Options {
    std::string hostname = "localhost";            // who reports
    std::uint64_t max_returned = 50 * 1024;        // a larger message is reported by its header alone
};
Options read_options(const Config& config);

} // namespace postern::bounce
