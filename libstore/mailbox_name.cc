#include "libstore/mailbox_name.h"

#include "libcommon/text.h"

#include <cstdint>
#include <vector>

namespace postern::store {
namespace {

constexpr std::size_t max_directory = 200;      // below NAME_MAX, with room for a number behind it
constexpr char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

// Directly, as in RFC 3501 section 5.1.3, but neither the level separator of Maildir++ nor a slash.
bool plain(char c) { return c >= 0x20 && c < 0x7F && c != '&' && c != '.' && c != '/'; }

std::vector<std::uint16_t> utf16(std::string_view text) {
    std::vector<std::uint16_t> units;
    for (std::size_t i = 0; i < text.size();) {
        const auto lead = static_cast<unsigned char>(text[i]);
        const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
        std::uint32_t point = length == 1 ? lead : lead & (0x7FU >> length);
        for (std::size_t k = 1; k < length; ++k) point = point << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3FU);
        i += length;
        if (point < 0x10000) {
            units.push_back(static_cast<std::uint16_t>(point));
        } else {
            units.push_back(static_cast<std::uint16_t>(0xD800 + ((point - 0x10000) >> 10)));
            units.push_back(static_cast<std::uint16_t>(0xDC00 + ((point - 0x10000) & 0x3FF)));
        }
    }
    return units;
}

std::string shifted(std::string_view text) {
    std::string out = "&";
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const std::uint16_t unit : utf16(text)) {
        bits = bits << 16 | unit;
        for (count += 16; count >= 6; count -= 6) out += base64[bits >> (count - 6) & 0x3F];
        bits &= (1U << count) - 1;
    }
    if (count > 0) out += base64[bits << (6 - count) & 0x3F];
    return out += '-';
}

void append_utf8(std::string& out, std::uint32_t point) {
    if (point < 0x80) {
        out += static_cast<char>(point);
        return;
    }
    const unsigned more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    out += static_cast<char>((0xF0U << (3 - more) & 0xFF) | point >> (6 * more));
    for (unsigned k = more; k-- > 0;) out += static_cast<char>(0x80 | (point >> (6 * k) & 0x3F));
}

// One "&…-" run; false when it is none.
bool unshift(std::string_view run, std::string& out) {
    if (run.empty()) {
        out += '&';
        return true;
    }
    std::uint32_t bits = 0, high = 0;
    unsigned count = 0;
    for (const char c : run) {
        const auto digit = std::string_view(base64).find(c);
        if (digit == std::string_view::npos) return false;
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        count += 6;
        if (count < 16) continue;
        count -= 16;
        const std::uint32_t unit = bits >> count & 0xFFFF;
        bits &= (1U << count) - 1;
        if (unit >= 0xD800 && unit < 0xDC00) high = unit;
        else if (unit >= 0xDC00 && unit < 0xE000 && high != 0) {
            append_utf8(out, 0x10000 + ((high - 0xD800) << 10) + (unit - 0xDC00));
            high = 0;
        } else append_utf8(out, unit);
    }
    return high == 0;
}

} // namespace

Result<std::string> canonical_mailbox_name(std::string_view name) {
    if (!name.empty() && name.back() == '/') name.remove_suffix(1);
    if (name.empty()) return Error(Errc::invalid, "a mailbox needs a name");
    if (name.size() > max_mailbox_name) return Error(Errc::invalid, "the mailbox name is too long");
    if (!is_utf8(name)) return Error(Errc::invalid, "the mailbox name is not UTF-8");
    for (const char c : name)
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
            return Error(Errc::invalid, "the mailbox name has a control character");
    const auto levels = split(name, '/');
    for (const auto level : levels)
        if (level.empty()) return Error(Errc::invalid, "the mailbox name has an empty level");
    std::string canonical(name);
    if (iequals(levels[0], "INBOX")) canonical.replace(0, 5, "INBOX");
    return canonical;
}

std::optional<std::string> folder_directory(std::string_view name) {
    std::string out = ".";
    for (std::size_t i = 0; i < name.size();) {
        if (name[i] == '/') { out += '.'; ++i; continue; }
        if (name[i] == '&') { out += "&-"; ++i; continue; }
        if (plain(name[i])) { out += name[i++]; continue; }
        std::size_t end = i;
        while (end < name.size() && name[end] != '/' && name[end] != '&' && !plain(name[end])) ++end;
        out += shifted(name.substr(i, end - i));
        i = end;
    }
    if (out.size() > max_directory) return std::nullopt;
    return out;
}

std::optional<std::string> folder_mailbox(std::string_view directory) {
    if (directory.size() < 2 || directory[0] != '.') return std::nullopt;
    directory.remove_prefix(1);
    std::string out;
    for (std::size_t i = 0; i < directory.size(); ++i) {
        if (directory[i] == '.') out += '/';
        else if (directory[i] != '&') out += directory[i];
        else {
            const auto end = directory.find('-', i);
            if (end == std::string_view::npos || !unshift(directory.substr(i + 1, end - i - 1), out)) return std::nullopt;
            i = end;
        }
    }
    auto canonical = canonical_mailbox_name(out);
    if (!canonical) return std::nullopt;
    return std::move(*canonical);
}

} // namespace postern::store
