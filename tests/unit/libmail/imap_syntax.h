// Checks that bytes are one parenthesised list of RFC 9051's grammar: what any client's parser will do with them.
#pragma once

#include <cstddef>
#include <string_view>

namespace postern::testing {

// Consumes one value (list, string, literal, NIL, number) at `at`; false where a client would give up.
inline bool take_value(std::string_view text, std::size_t& at, int depth = 0) {
    if (at >= text.size() || depth > 400) return false;
    if (text[at] == '(') {
        for (++at; at < text.size() && text[at] != ')';) {
            if (text[at] == ' ') ++at;
            if (!take_value(text, at, depth + 1)) return false;
        }
        return at++ < text.size();
    }
    if (text[at] == '"') {
        for (++at; at < text.size() && text[at] != '"'; ++at) {
            const auto c = static_cast<unsigned char>(text[at]);
            if (c == '\\' && (++at >= text.size() || (text[at] != '"' && text[at] != '\\'))) return false;
            if (c == '\r' || c == '\n' || c == 0 || c >= 0x80) return false;
        }
        return at++ < text.size();
    }
    if (text[at] == '{') {
        std::size_t size = 0;
        for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) size = size * 10 + static_cast<std::size_t>(text[at] - '0');
        if (text.substr(at, 3) != "}\r\n" || text.size() - at - 3 < size) return false;
        const bool clean = text.substr(at + 3, size).find('\0') == std::string_view::npos;
        at += 3 + size;
        return clean;
    }
    if (text.substr(at, 3) == "NIL") {
        at += 3;
        return true;
    }
    const std::size_t begin = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at > begin;
}

inline bool is_one_list(std::string_view text) {
    std::size_t at = 0;
    return text.starts_with('(') && take_value(text, at) && at == text.size();
}

} // namespace postern::testing
