#include "libmail/field_writer.h"

#include "libcommon/text.h"
#include "libmail/chars.h"

#include <algorithm>

namespace postern::mail {
namespace {

constexpr std::size_t good_line = 78;
constexpr std::size_t longest_word = 900;         // with a name in front it stays below 998

// How much of a word fits into a line: never half a character.
std::size_t piece_of(std::string_view word) {
    if (word.size() <= longest_word) return word.size();
    std::size_t end = longest_word;
    while (end > 1 && (static_cast<unsigned char>(word[end]) & 0xC0) == 0x80) --end;
    return end;
}

} // namespace

std::string one_line(std::string_view value, Wording wording) {
    const bool utf8 = wording == Wording::utf8 && is_utf8(value);
    std::string out;
    out.reserve(value.size());
    for (char c : value) {
        if (is_eight_bit(c)) out.push_back(utf8 ? c : '?');
        else out.push_back(is_printable(c) ? c : ' ');
    }
    return std::string(trim(out));
}

FieldWriter& FieldWriter::field(std::string_view name, std::string_view value) {
    const std::string text = one_line(value, wording_);
    if (text.empty()) return *this;
    out_ += name;
    out_ += ": ";
    std::size_t column = name.size() + 2;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t word = std::min(text.find_first_not_of(' ', at), text.size());
        const std::size_t end = std::min(text.find(' ', word), text.size());
        const std::size_t take = piece_of(std::string_view(text).substr(at, end - at));
        const bool at_blank = text[at] == ' ';
        if (at > 0 && (!at_blank || column + take > good_line)) {
            out_ += at_blank ? "\r\n" : "\r\n ";
            column = 0;
        }
        out_.append(text, at, take);
        column += take;
        at += take;
    }
    out_ += "\r\n";
    return *this;
}

} // namespace postern::mail
