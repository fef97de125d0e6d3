#include "libmail/transfer.h"

#include "libcommon/text.h"
#include "libmail/chars.h"

#include <array>
#include <cstdint>

namespace postern::mail {
namespace {

constexpr std::array<std::int8_t, 256> base64_values = [] {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (std::size_t i = 0; i < alphabet.size(); ++i)
        values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
    return values;
}();

int hex_value(char c) {
    if (is_digit(c)) return c - '0';
    c = ascii_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// "=XX" at `at`: the byte; -1 for anything else.
int escaped_byte(std::string_view text, std::size_t at) {
    if (at + 2 >= text.size()) return -1;
    const int high = hex_value(text[at + 1]), low = hex_value(text[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

// Rules 2 and 3: what stands for itself. A blank may not end a line.
bool is_literal(std::string_view bytes, std::size_t at) {
    const char c = bytes[at];
    if (is_blank(c)) return at + 1 < bytes.size() && bytes.substr(at + 1, 2) != "\r\n";
    return is_printable(c) && c != '=';
}

} // namespace

std::string decode_base64(std::string_view text) {
    std::string out;
    out.reserve(text.size() / 4 * 3);
    std::uint32_t bits = 0;
    int count = 0;
    for (char c : text) {
        const int value = base64_values[static_cast<unsigned char>(c)];
        if (value < 0) {
            if (c == '=') count = 0;               // padding: what follows begins anew
            continue;
        }
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        if ((count += 6) < 8) continue;
        count -= 8;
        out.push_back(static_cast<char>((bits >> count) & 0xFF));
    }
    return out;
}

std::string decode_quoted_printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '=') {
            out.push_back(text[i]);
            continue;
        }
        if (const int byte = escaped_byte(text, i); byte >= 0) {
            out.push_back(static_cast<char>(byte));
            i += 2;
            continue;
        }
        std::size_t end = i + 1;                   // a soft line break, blanks before its line end forgiven
        while (end < text.size() && (is_blank(text[end]) || text[end] == '\r')) ++end;
        if (end < text.size() && text[end] == '\n') i = end;
        else out.push_back('=');
    }
    return out;
}

std::string encode_quoted_printable(std::string_view bytes) {
    constexpr std::size_t longest = 76;
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    out.reserve(bytes.size() + bytes.size() / 16);
    std::size_t column = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        if (bytes.substr(i, 2) == "\r\n") {
            out += "\r\n";
            column = 0;
            ++i;
            continue;
        }
        const bool literal = is_literal(bytes, i);
        const std::size_t width = literal ? 1 : 3;
        if (column + width >= longest) {           // room is left for the "=" of a soft line break
            out += "=\r\n";
            column = 0;
        }
        column += width;
        if (literal) {
            out.push_back(bytes[i]);
            continue;
        }
        const auto byte = static_cast<unsigned char>(bytes[i]);
        out.push_back('=');
        out.push_back(digits[byte >> 4]);
        out.push_back(digits[byte & 0xF]);
    }
    return out;
}

std::string decode_q(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int byte = text[i] == '=' ? escaped_byte(text, i) : -1;
        if (byte >= 0) {
            out.push_back(static_cast<char>(byte));
            i += 2;
        } else {
            out.push_back(text[i] == '_' ? ' ' : text[i]);
        }
    }
    return out;
}

std::string decode_transfer(std::string_view bytes, std::string_view encoding) {
    if (iequals(encoding, "base64")) return decode_base64(bytes);
    if (iequals(encoding, "quoted-printable")) return decode_quoted_printable(bytes);
    return std::string(bytes);
}

} // namespace postern::mail
