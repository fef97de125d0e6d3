#include "libstore/side_file.h"

#include "libcommon/crc32c.h"
#include "libcommon/text.h"

#include <charconv>
#include <fmt/core.h>

namespace postern::store {
namespace {

std::string escaped(std::string_view word) {
    std::string out;
    for (const char c : word) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= 0x20 || c == 0x7F || c == '%') out += fmt::format("%{:02X}", byte);
        else out += c;
    }
    return out;
}

std::optional<std::string> unescaped(std::string_view word) {
    std::string out;
    for (std::size_t i = 0; i < word.size(); ++i) {
        if (word[i] != '%') {
            out += word[i];
            continue;
        }
        const auto byte = from_hex(word.substr(i + 1, 2));
        if (!byte || byte->size() != 1) return std::nullopt;
        out += *byte;
        i += 2;
    }
    return out;
}

std::optional<std::uint64_t> hex_number(std::string_view digits) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    return value;
}

std::string with_crc(std::string line) {
    const auto crc = crc32c(line);
    return fmt::format("{} {:08x}\n", line, crc);
}

std::optional<std::string_view> checked(std::string_view line) {
    if (line.size() < 10 || line[line.size() - 9] != ' ') return std::nullopt;
    const auto text = line.substr(0, line.size() - 9);
    if (line.substr(line.size() - 8) != fmt::format("{:08x}", crc32c(text))) return std::nullopt;
    return text;
}

using Words = std::vector<std::string_view>;

bool take_mailbox(const Words& w, SideFile& side) {
    const auto validity = parse_number(w[1], UINT32_MAX), next = parse_number(w[2], UINT32_MAX),
               modseq = parse_number(w[3], INT64_MAX), use = parse_number(w[4], 5), subscribed = parse_number(w[5], 1);
    auto name = unescaped(w[6]);
    if (!validity || !next || !modseq || !use || !subscribed || !name) return false;
    side.mailbox = SideMailbox{static_cast<std::uint32_t>(*validity), static_cast<Uid>(*next), *modseq,
                               static_cast<SpecialUse>(*use), *subscribed == 1, std::move(*name)};
    return true;
}

bool take_keyword(const Words& w, SideFile& side) {
    const auto number = parse_number(w[1], max_keywords - 1);
    auto name = unescaped(w[2]);
    if (!number || !name || name->empty()) return false;
    side.keywords[static_cast<unsigned>(*number)] = std::move(*name);
    return true;
}

bool take_message(const Words& w, SideFile& side) {
    const auto uid = parse_number(w[1], UINT32_MAX), date = parse_number(w[3], INT64_MAX);
    const auto keywords = hex_number(w[2]);
    auto base = unescaped(w[4]);
    if (!uid || *uid == 0 || !keywords || !date || !base || base->empty()) return false;
    side.messages[std::move(*base)] = {static_cast<Uid>(*uid), *keywords, static_cast<std::int64_t>(*date)};
    side.highest_uid = std::max(side.highest_uid, static_cast<Uid>(*uid));
    return true;
}

// The file itself is gone from the folder by then; what the line saves is the knowledge that the UID was used.
bool take_expunged(const Words& w, SideFile& side) {
    const auto uid = parse_number(w[1], UINT32_MAX);
    if (!uid) return false;
    side.highest_uid = std::max(side.highest_uid, static_cast<Uid>(*uid));
    return true;
}

struct Kind {
    std::string_view word;
    std::size_t words;
    bool (*take)(const Words&, SideFile&);
};
constexpr Kind kinds[] = {
    {"mailbox", 7, take_mailbox},
    {"keyword", 3, take_keyword},
    {"message", 5, take_message},
    {"expunged", 2, take_expunged},
};

bool take_line(std::string_view line, SideFile& side) {
    const auto text = checked(line);
    if (!text) return false;
    const Words words = split(*text, ' ');
    for (const Kind& kind : kinds)
        if (kind.word == words[0]) return words.size() == kind.words && kind.take(words, side);
    return true;   // of a later version
}

} // namespace

SideFile parse_side_file(std::string_view text) {
    SideFile side;
    while (!text.empty()) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) {
            ++side.damaged;   // torn
            break;
        }
        if (!take_line(text.substr(0, end), side)) ++side.damaged;
        text.remove_prefix(end + 1);
    }
    return side;
}

std::string side_line(const SideMailbox& m) {
    return with_crc(fmt::format("mailbox {} {} {} {} {} {}", m.uid_validity, m.uid_next, m.modseq,
                                static_cast<unsigned>(m.special_use), m.subscribed ? 1 : 0, escaped(m.name)));
}

std::string side_keyword_line(unsigned number, std::string_view name) {
    return with_crc(fmt::format("keyword {} {}", number, escaped(name)));
}

std::string side_line(const SideMessage& message, std::string_view base) {
    return with_crc(fmt::format("message {} {:x} {} {}", message.uid, message.keywords,
                                std::max<std::int64_t>(message.internal_date, 0), escaped(base)));
}

std::string side_expunged_line(Uid uid) { return with_crc(fmt::format("expunged {}", uid)); }

} // namespace postern::store
