#include "libmail/text_match.h"

#include "libcommon/text.h"
#include "libmail/charset.h"
#include "libmail/chars.h"
#include "libmail/encoded_word.h"
#include "libmail/headers.h"
#include "libmail/parameters.h"
#include "libmail/transfer.h"

#include <algorithm>
#include <cstdint>

namespace postern::mail {
namespace {

// Letters of two UTF-8 bytes whose small form is the capital plus an offset, or the next odd number.
struct FoldRange { std::uint32_t first, last; int offset; };   // offset 0: capitals are even, their small form is +1
constexpr FoldRange ranges[] = {
    {0x00C0, 0x00D6, 32}, {0x00D8, 0x00DE, 32}, {0x0100, 0x0137, 0},  {0x014A, 0x0177, 0},  {0x0386, 0x0386, 38},
    {0x0388, 0x038A, 37}, {0x038C, 0x038C, 64}, {0x038E, 0x038F, 63}, {0x0391, 0x03A1, 32}, {0x03A3, 0x03AB, 32},
    {0x0400, 0x040F, 80}, {0x0410, 0x042F, 32}, {0x0460, 0x0481, 0},  {0x048A, 0x04BF, 0},  {0x04D0, 0x0527, 0},
    {0x0531, 0x0556, 48},
};

std::uint32_t fold_point(std::uint32_t point) {
    // Capitals are odd in these two stretches of Latin Extended-A.
    if ((point >= 0x0139 && point <= 0x0148) || (point >= 0x0179 && point <= 0x017E)) return point + (point & 1);
    for (const FoldRange& range : ranges)
        if (point >= range.first && point <= range.last)
            return range.offset == 0 ? point | 1 : point + static_cast<std::uint32_t>(range.offset);
    return point == 0x03C2 ? 0x03C3 : point;                   // final sigma
}

// Nested messages' headers come with their own parts.
bool is_searchable(const Part& part) { return part.kind == Part::Kind::leaf && is_text(part); }

std::string decoded_body(const Structure& structure, const Part& part, Charsets& charsets) {
    FieldValue encoding(part.encoding);
    const std::string bytes = decode_transfer(structure.body(part), encoding.token());
    return charsets.readable(parse_content_type(part.content_type).charset, bytes);
}

} // namespace

std::string fold_case(std::string_view utf8) {
    std::string out(utf8);
    for (std::size_t i = 0; i < out.size(); ++i) {
        const auto lead = static_cast<unsigned char>(out[i]);
        if (lead < 0x80) {
            out[i] = ascii_lower(out[i]);
        } else if (lead >= 0xC3 && lead <= 0xDF && i + 1 < out.size() &&
                   (static_cast<unsigned char>(out[i + 1]) & 0xC0) == 0x80) {
            const std::uint32_t folded =
                fold_point(((lead & 0x1FU) << 6) | (static_cast<unsigned char>(out[i + 1]) & 0x3FU));
            out[i] = static_cast<char>(0xC0 | (folded >> 6));
            out[++i] = static_cast<char>(0x80 | (folded & 0x3F));
        }
    }
    return out;
}

bool TextMatcher::in(std::string_view utf8) const { return fold_case(utf8).find(folded_) != std::string::npos; }

bool TextMatcher::in_header(std::string_view field_body, Charsets& charsets) const {
    return in(decode_header(unfold(field_body), charsets));
}

bool TextMatcher::in_message(const Structure& structure, bool headers, Charsets& charsets) const {
    return std::any_of(structure.parts.begin(), structure.parts.end(), [&](const Part& part) {
        if (headers && in_header(structure.header(part), charsets)) return true;
        return is_searchable(part) && in(decoded_body(structure, part, charsets));
    });
}

} // namespace postern::mail
