// The structure of a message: one pass over its lines, no recursion, bounded in parts and depth (TESTCARD C2).
// Offsets grow strictly along the message, so the parts are a tree by construction.
//
// A multipart has one child per body part. A message/rfc822 part has exactly one child: the message in it. What
// is nested deeper than max_depth, or comes after max_parts, stays the opaque body of the part it is in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace postern::mail {

using PartIndex = std::uint32_t;
constexpr PartIndex no_part = UINT32_MAX;

struct Part {
    enum class Kind : std::uint8_t { leaf, multipart, message } kind = Kind::leaf;
    bool in_digest = false;          // the default type is message/rfc822 (RFC 2046 section 5.1.5)
    std::uint16_t depth = 0;
    PartIndex parent = no_part, first_child = no_part, last_child = no_part, next_sibling = no_part;

    std::size_t header_begin = 0;    // the header's lines with the empty line behind them
    std::size_t body_begin = 0;
    std::size_t body_end = 0;        // the line end before a boundary belongs to the boundary
    std::size_t body_lines = 0;      // line ends in the body

    // Field bodies as they came, folded; no data() when the field is missing.
    std::string_view content_type, encoding, id, description, disposition, language, location, md5;

    std::size_t body_size() const { return body_end - body_begin; }
};

struct Structure {
    static constexpr std::size_t max_depth = 100;
    static constexpr std::size_t max_parts = 10'000;

    std::string_view message;
    std::vector<Part> parts;         // parts[0] is the message itself

    const Part& root() const { return parts.front(); }
    std::string_view header(const Part& part) const {
        return message.substr(part.header_begin, part.body_begin - part.header_begin);
    }
    std::string_view body(const Part& part) const { return message.substr(part.body_begin, part.body_size()); }
};

// Views `message`, which must outlive the result.
Structure parse_structure(std::string_view message);

// The type a part has for its readers, defaults applied: what BODYSTRUCTURE says, never a multipart that was
// not taken apart.
struct MediaType {
    std::string_view type, subtype;
};
MediaType media_type(const Part& part);
bool is_text(const Part& part);

} // namespace postern::mail
