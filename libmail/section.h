// Finds what BODY[section] names in a message: RFC 9051 section 6.4.5.1. Everything but HEADER.FIELDS is a
// range of the message's bytes, so that it can be sent without a copy.
#pragma once

#include "libmail/mime.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::mail {

struct Section {
    enum class What : std::uint8_t { all, header, header_fields, header_fields_not, text, mime } what = What::all;
    std::vector<std::uint32_t> part;      // "1.2": {1, 2}; empty: the message
    std::vector<std::string> fields;      // of HEADER.FIELDS and .NOT

    // Whether the message's own header is enough to answer: no structure, no body has to be read.
    bool header_only() const { return part.empty() && what >= What::header && what <= What::header_fields_not; }
    bool operator==(const Section&) const = default;
};

// "1.2.HEADER.FIELDS (From To)", as it stands between the brackets of the response.
std::string section_text(const Section& section);

// The part a number list names; no_part if there is none.
PartIndex find_part(const Structure& structure, const std::vector<std::uint32_t>& numbers);

struct SectionBytes {
    std::string_view view;                // into the message, or into `owned`
    std::string owned;                    // HEADER.FIELDS only

    std::string_view bytes() const { return owned.empty() ? view : std::string_view(owned); }
};

// Nothing: the message has no such part.
std::optional<SectionBytes> resolve_section(const Structure& structure, const Section& section);

// The header's fields that are in the list (or not in it), with the empty line, as HEADER.FIELDS says them.
std::string select_fields(std::string_view header, const std::vector<std::string>& names, bool exclude);

// Splits a message at the end of its header, the empty line going with the header; reads no further.
std::pair<std::string_view, std::string_view> split_header(std::string_view message);

} // namespace postern::mail
