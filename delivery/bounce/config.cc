#include "delivery/bounce/config.h"

namespace postern::bounce {

Options read_options(const Config& config) {
    Options options;
    if (const std::string& name = config.text("server.hostname"); !name.empty()) options.hostname = name;
    options.max_returned = config.number("bounce.max_returned");
    return options;
}

} // namespace postern::bounce
