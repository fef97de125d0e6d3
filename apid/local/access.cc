#include "apid/local/access.h"

#include "libcommon/text.h"

#include <algorithm>

namespace postern::api {

bool Access::allows(std::uint32_t uid, std::uint32_t gid, std::span<const std::uint32_t> groups) const {
    if (uid == 0 || uid == owner) return true;
    return group && (gid == *group || std::find(groups.begin(), groups.end(), *group) != groups.end());
}

std::optional<std::uint32_t> find_group(std::string_view text, std::string_view name) {
    for (const auto line : split(text, '\n')) {
        const auto parts = split(line, ':');       // name:password:number:members
        if (parts.size() != 4 || parts[0] != name) continue;
        const auto number = parse_number(parts[2], UINT32_MAX);
        if (number) return static_cast<std::uint32_t>(*number);
    }
    return std::nullopt;
}

} // namespace postern::api
