#include "libcommon/utf8.h"

namespace postern {
namespace {

// RFC 3629 section 4: which octets begin a character, how many follow, and what the first of these may be.
struct Lead {
    unsigned char first, last;
    unsigned follow;
    unsigned char low, high;
};
constexpr Lead leads[] = {
    {0xC2, 0xDF, 1, 0x80, 0xBF}, {0xE0, 0xE0, 2, 0xA0, 0xBF}, {0xE1, 0xEC, 2, 0x80, 0xBF}, {0xED, 0xED, 2, 0x80, 0x9F},
    {0xEE, 0xEF, 2, 0x80, 0xBF}, {0xF0, 0xF0, 3, 0x90, 0xBF}, {0xF1, 0xF3, 3, 0x80, 0xBF}, {0xF4, 0xF4, 3, 0x80, 0x8F},
};

const Lead* lead_of(unsigned char octet) {
    for (const Lead& lead : leads)
        if (octet >= lead.first && octet <= lead.last) return &lead;
    return nullptr;
}

} // namespace

bool Utf8Check::take(std::string_view piece) {
    for (std::size_t i = 0; i < piece.size() && !broken_; ++i) {
        const auto octet = static_cast<unsigned char>(piece[i]);
        if (left_ > 0) {
            broken_ = octet < low_ || octet > high_;
            --left_, low_ = 0x80, high_ = 0xBF;
        } else if (octet >= 0x80) {
            const Lead* lead = lead_of(octet);
            broken_ = lead == nullptr;
            if (lead) left_ = lead->follow, low_ = lead->low, high_ = lead->high;
        }
    }
    return !broken_;
}

} // namespace postern
