#include "libstore/file_name.h"

#include "libcommon/text.h"

#include <algorithm>
#include <fmt/core.h>

namespace postern::store {
namespace {

struct Letter {
    char letter;
    Flags flag;
};
constexpr Letter letters[] = {{'D', flag::draft}, {'F', flag::flagged}, {'R', flag::answered},
                              {'S', flag::seen},  {'T', flag::deleted}};
constexpr std::size_t max_name = 255;           // NAME_MAX
constexpr std::size_t queue_id_digits = 26;

std::optional<DeliveryKey> parse_unique(std::string_view unique) {
    if (unique.size() < 1 + queue_id_digits || unique[0] != 'Q') return std::nullopt;
    auto id = QueueId::parse(unique.substr(1, queue_id_digits));
    if (!id) return std::nullopt;
    DeliveryKey key{*id, 0};
    std::string_view rest = unique.substr(1 + queue_id_digits);
    if (rest.empty()) return key;
    if (rest[0] != '-') return std::nullopt;
    const auto action = parse_number(rest.substr(1), UINT16_MAX);
    if (!action || *action == 0) return std::nullopt;
    key.action = static_cast<std::uint16_t>(*action);
    return key;
}

std::optional<std::uint64_t> parse_size(std::string_view base) {
    const auto at = base.rfind(",S=");
    if (at == std::string_view::npos) return std::nullopt;
    const auto digits = base.substr(at + 3);
    return parse_number(digits.substr(0, digits.find(',')));
}

void parse_base(FileName& name) {
    const auto dot = name.base.find('.');
    if (dot == std::string_view::npos) return;
    name.seconds = static_cast<std::int64_t>(parse_number(name.base.substr(0, dot), INT64_MAX).value_or(0));
    const auto rest = name.base.substr(dot + 1);
    name.key = parse_unique(rest.substr(0, rest.find('.')));
}

bool control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F || c == '/'; }

} // namespace

std::optional<FileName> parse_file_name(std::string_view name) {
    if (name.empty() || name[0] == '.' || name.size() > max_name) return std::nullopt;
    if (std::any_of(name.begin(), name.end(), control)) return std::nullopt;
    FileName parsed;
    const auto info = name.rfind(":2,");
    parsed.base = name.substr(0, info);
    if (parsed.base.empty()) return std::nullopt;
    if (info != std::string_view::npos) {
        parsed.info = true;
        for (const Letter& l : letters)
            if (name.find(l.letter, info + 3) != std::string_view::npos) parsed.flags |= l.flag;
    }
    parsed.size = parse_size(parsed.base);
    parse_base(parsed);
    return parsed;
}

std::string flag_letters(Flags flags) {
    std::string text;
    for (const Letter& l : letters)
        if ((flags & l.flag) != 0) text += l.letter;
    return text;
}

std::string file_name(std::string_view base, Flags name_flags) {
    if ((name_flags & in_new) != 0) return std::string(base);
    return fmt::format("{}:2,{}", base, flag_letters(name_flags));
}

std::string unique_text(const DeliveryKey& key) {
    return key.action == 0 ? "Q" + key.id.text() : fmt::format("Q{}-{}", key.id.text(), key.action);
}

std::string random_unique() {
    std::uint64_t bits = 0;
    random_bytes(&bits, sizeof bits);
    return fmt::format("R{:016x}", bits);
}

std::string make_base(std::int64_t seconds, std::string_view unique, std::string_view host, std::uint64_t size) {
    return fmt::format("{}.{}.{},S={}", std::max<std::int64_t>(seconds, 0), unique, host, size);
}

} // namespace postern::store
