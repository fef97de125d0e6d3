#include "libmail/imap/modified_utf7.h"

#include "libmail/chars.h"

#include <array>
#include <cstdint>
#include <vector>

namespace postern::imap {
namespace {

// Base 64 with "," for "/".
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

void append_utf8(std::string& out, std::uint32_t point) {
    if (point < 0x80) {
        out.push_back(static_cast<char>(point));
    } else if (point < 0x800) {
        out.push_back(static_cast<char>(0xC0 | (point >> 6)));
        out.push_back(static_cast<char>(0x80 | (point & 0x3F)));
    } else if (point < 0x10000) {
        out.push_back(static_cast<char>(0xE0 | (point >> 12)));
        out.push_back(static_cast<char>(0x80 | ((point >> 6) & 0x3F)));
        out.push_back(static_cast<char>(0x80 | (point & 0x3F)));
    } else {
        out.push_back(static_cast<char>(0xF0 | (point >> 18)));
        out.push_back(static_cast<char>(0x80 | ((point >> 12) & 0x3F)));
        out.push_back(static_cast<char>(0x80 | ((point >> 6) & 0x3F)));
        out.push_back(static_cast<char>(0x80 | (point & 0x3F)));
    }
}

// The UTF-16 units between "&" and "-"; false when bits are left over or a character is not of the alphabet.
bool decode_units(std::string_view coded, std::vector<std::uint16_t>& units) {
    std::uint32_t bits = 0;
    int count = 0;
    for (char c : coded) {
        const auto value = c == '\0' ? std::string_view::npos : alphabet.find(c);
        if (value == std::string_view::npos) return false;
        bits = (bits << 6) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count < 16) continue;
        count -= 16;
        units.push_back(static_cast<std::uint16_t>(bits >> count));
        bits &= (1U << count) - 1;
    }
    return count < 6 && bits == 0;
}

bool append_units(std::string& out, const std::vector<std::uint16_t>& units) {
    for (std::size_t i = 0; i < units.size(); ++i) {
        std::uint32_t point = units[i];
        if (point >= 0xDC00 && point <= 0xDFFF) return false;
        if (point >= 0xD800 && point <= 0xDBFF) {
            if (i + 1 >= units.size() || units[i + 1] < 0xDC00 || units[i + 1] > 0xDFFF) return false;
            point = 0x10000 + ((point - 0xD800) << 10) + (units[++i] - 0xDC00U);
        }
        if (point < 0x20 || point == 0x7F || (point < 0x80 && mail::is_printable(static_cast<char>(point))))
            return false;
        append_utf8(out, point);
    }
    return !units.empty();
}

// One code point; the text is known to be UTF-8.
std::uint32_t take_point(std::string_view& text) {
    const auto lead = static_cast<unsigned char>(text.front());
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    std::uint32_t point = length == 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length && i < text.size(); ++i)
        point = (point << 6) | (static_cast<unsigned char>(text[i]) & 0x3FU);
    text.remove_prefix(std::min(length, text.size()));
    return point;
}

void append_coded(std::string& out, const std::vector<std::uint16_t>& units) {
    std::uint32_t bits = 0;
    int count = 0;
    out.push_back('&');
    for (std::uint16_t unit : units) {
        bits = (bits << 16) | unit;
        for (count += 16; count >= 6; count -= 6) out.push_back(alphabet[(bits >> (count - 6)) & 63]);
        bits &= (1U << count) - 1;
    }
    if (count > 0) out.push_back(alphabet[(bits << (6 - count)) & 63]);
    out.push_back('-');
}

} // namespace

std::optional<std::string> from_modified_utf7(std::string_view text) {
    std::string out;
    bool after_shift = false;                      // "&AOQ-&AOQ-" is one shift written as two
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (!mail::is_printable(text[i])) return std::nullopt;
        if (text[i] != '&') {
            out.push_back(text[i]);
            after_shift = false;
            continue;
        }
        const auto end = text.find('-', i);
        if (end == std::string_view::npos) return std::nullopt;
        if (end == i + 1) {
            out.push_back('&');
            after_shift = false;
        } else {
            std::vector<std::uint16_t> units;
            if (after_shift || !decode_units(text.substr(i + 1, end - i - 1), units) ||
                !append_units(out, units))
                return std::nullopt;
            after_shift = true;
        }
        i = end;
    }
    return out;
}

std::string to_modified_utf7(std::string_view utf8) {
    std::string out;
    std::vector<std::uint16_t> units;
    auto flush = [&] {
        if (!units.empty()) append_coded(out, units);
        units.clear();
    };
    while (!utf8.empty()) {
        const std::uint32_t point = take_point(utf8);
        if (point < 0x80 && mail::is_printable(static_cast<char>(point))) {
            flush();
            out.push_back(static_cast<char>(point));
            if (point == '&') out.push_back('-');
        } else if (point >= 0x10000) {
            units.push_back(static_cast<std::uint16_t>(0xD800 + ((point - 0x10000) >> 10)));
            units.push_back(static_cast<std::uint16_t>(0xDC00 + (point & 0x3FF)));
        } else {
            units.push_back(static_cast<std::uint16_t>(point));
        }
    }
    flush();
    return out;
}

} // namespace postern::imap
