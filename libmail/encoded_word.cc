#include "libmail/encoded_word.h"

#include "libcommon/text.h"
#include "libmail/charset.h"
#include "libmail/chars.h"
#include "libmail/transfer.h"

#include <algorithm>
#include <optional>

namespace postern::mail {
namespace {

struct Word {
    std::string text;
    std::size_t length = 0;      // of the encoded form
};

// "=?charset*lang?q?text?=" at the front of `text`.
std::optional<Word> take_word(std::string_view text, Charsets& charsets) {
    const auto charset_end = text.find('?', 2);
    if (charset_end == std::string_view::npos || charset_end > 64 || charset_end + 2 >= text.size() ||
        text[charset_end + 2] != '?')
        return std::nullopt;
    const auto end = text.find("?=", charset_end + 3);
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view coded = text.substr(charset_end + 3, end - charset_end - 3);
    if (std::any_of(coded.begin(), coded.end(), [](char c) { return c == '?' || c == '\n'; })) return std::nullopt;
    std::string_view charset = text.substr(2, charset_end - 2);
    charset = charset.substr(0, charset.find('*'));              // RFC 2231 section 5
    const char encoding = ascii_lower(text[charset_end + 1]);
    if (encoding != 'b' && encoding != 'q') return std::nullopt;
    return Word{charsets.readable(charset, encoding == 'b' ? decode_base64(coded) : decode_q(coded)), end + 2};
}

} // namespace

std::string decode_header(std::string_view text, Charsets& charsets) {
    std::string out;
    std::size_t blank = 0;             // blanks at the end of `out` that stand behind an encoded word
    bool after_word = false;
    while (!text.empty()) {
        const auto start = text.find("=?");
        // A "?=" must be near: a field full of "=?" is looked through once, not once for each.
        const auto word = start == 0 ? take_word(text.substr(0, 2048), charsets) : std::nullopt;
        if (word) {
            if (after_word) out.resize(out.size() - blank);
            out.append(word->text);
            text.remove_prefix(word->length);
            after_word = true;
            blank = 0;
            continue;
        }
        const std::size_t plain = start == 0 ? 2 : std::min(start, text.size());
        const std::string_view between = text.substr(0, plain);
        after_word = after_word && std::all_of(between.begin(), between.end(), is_space);
        const std::size_t before = out.size();
        std::copy_if(between.begin(), between.end(), std::back_inserter(out),
                     [](char c) { return c != '\r' && c != '\n'; });
        blank = out.size() - before;
        text.remove_prefix(plain);
    }
    return out;
}

} // namespace postern::mail
