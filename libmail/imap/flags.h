// Flags as commands name them: RFC 9051 section 2.3.2.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::imap {

// The system flags a client can set; bit n is system_flags[n]. The order is the store's.
constexpr std::array<std::string_view, 5> system_flags = {"\\Answered", "\\Flagged", "\\Deleted", "\\Seen",
                                                          "\\Draft"};

struct FlagList {
    std::uint8_t system = 0;
    std::vector<std::string> keywords;    // as written, duplicates dropped
    bool operator==(const FlagList&) const = default;
};

constexpr std::size_t max_keyword_size = 255;

} // namespace postern::imap
