// Who may manage the suite over api.sock: root, whoever runs master, and the group postern-admin. The kernel says who
// connects; the socket's own mode says the same a second time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace postern::api {

struct Access {
    std::uint32_t owner = 0;                 // the user master runs as
    std::optional<std::uint32_t> group;      // postern-admin, where the host has it

    bool allows(std::uint32_t uid, std::uint32_t gid, std::span<const std::uint32_t> groups) const;
};

// The number of a group in the text of group(5); read before confinement, without getgrnam.
std::optional<std::uint32_t> find_group(std::string_view text, std::string_view name);

} // namespace postern::api
