// One value of the configuration: text as a person wrote it to the flat form processes read. Pure.
#pragma once

#include "config/schema.h"
#include "libcommon/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace postern::config {

// A scalar of the file, the environment or a default. The error says what is allowed, without the key.
Result<std::string> parse_value(const Option& option, std::string_view written);

// A sequence; only for the kinds that are lists.
Result<std::string> parse_values(const Option& option, const std::vector<std::string>& written);

// host:port of Kind::addresses, the host numeric: "127.0.0.1:25", "[::1]:25".
struct HostPort {
    std::string host;
    std::uint16_t port = 0;
};
Result<HostPort> parse_address(std::string_view text);

// What a value of the option may be, for people: "1 to 64", "10ms to 10s", "refuse, normalize"; what is not counted and not
// chosen has the name of its kind: "path", "networks".
std::string allowed_values(const Option& option);

} // namespace postern::config
