#include "smtpd/xtext.h"

#include "libcommon/text.h"
#include "libmail/chars.h"

namespace postern::smtpd {
namespace {

bool is_upper_hex(char c) { return mail::is_digit(c) || (c >= 'A' && c <= 'F'); }

bool is_plain(char c, bool utf8) {
    return (mail::is_printable(c) && c != ' ' && c != '+' && c != '=') || (utf8 && mail::is_eight_bit(c));
}

} // namespace

std::optional<std::string> from_xtext(std::string_view text, bool utf8) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_plain(text[i], utf8)) {
            out.push_back(text[i]);
            continue;
        }
        const std::string_view digits = text.substr(i + 1, 2);
        if (text[i] != '+' || digits.size() != 2 || !is_upper_hex(digits[0]) || !is_upper_hex(digits[1])) return std::nullopt;
        out += *from_hex(digits);
        i += digits.size();
    }
    return out.empty() ? std::nullopt : std::optional(std::move(out));
}

} // namespace postern::smtpd
