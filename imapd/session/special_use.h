// RFC 6154: the attributes of mailboxes with a purpose.
#pragma once

#include "libcommon/text.h"
#include "libstore/store.h"

#include <array>
#include <optional>
#include <string_view>

namespace postern::imapd {

// In the order of store::SpecialUse.
constexpr std::array<std::string_view, 6> special_use_names = {"",       "\\Archive", "\\Drafts",
                                                               "\\Junk", "\\Sent",    "\\Trash"};

constexpr std::string_view special_use_name(store::SpecialUse use) {
    return special_use_names[static_cast<std::size_t>(use)];
}

inline std::optional<store::SpecialUse> special_use_named(std::string_view name) {
    for (std::size_t i = 1; i < special_use_names.size(); ++i)
        if (iequals(special_use_names[i], name)) return static_cast<store::SpecialUse>(i);
    return std::nullopt;
}

} // namespace postern::imapd
