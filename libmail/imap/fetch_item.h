// What FETCH asks for: RFC 9051 section 6.4.5 and RFC 3501's.
#pragma once

#include "libmail/section.h"

#include <cstdint>
#include <optional>
#include <string>

namespace postern::imap {

struct FetchPartial {         // "<offset.length>"
    std::uint64_t offset = 0, length = 0;
    bool operator==(const FetchPartial&) const = default;
};

struct FetchItem {
    enum class Kind : std::uint8_t {
        uid, flags, internal_date, rfc822_size, envelope, body, body_structure,
        rfc822, rfc822_header, rfc822_text,
        section,              // BODY[...] and BODY.PEEK[...]
    } kind = Kind::uid;
    bool peek = false;
    mail::Section section;
    std::optional<FetchPartial> partial;

    // Fetching it sets \Seen.
    bool sets_seen() const {
        return kind == Kind::rfc822 || kind == Kind::rfc822_text || (kind == Kind::section && !peek);
    }
    bool operator==(const FetchItem&) const = default;
};

} // namespace postern::imap
