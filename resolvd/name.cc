#include "resolvd/name.h"

#include "libcommon/text.h"

#include <algorithm>

namespace postern::dns {
namespace {

bool plain(char c) { return c > ' ' && c < '\x7f' && c != '\\'; }

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

} // namespace

std::optional<std::string> normal_name(std::string_view written) {
    if (written.ends_with('.')) written.remove_suffix(1);
    if (written.size() > max_name || !std::all_of(written.begin(), written.end(), plain)) return std::nullopt;
    if (written.empty()) return std::string();
    for (const std::string_view label : split(written, '.'))
        if (label.empty() || label.size() > max_label) return std::nullopt;
    return ascii_lower(written);
}

std::string wire_name(std::string_view name, std::span<const unsigned char> dice) {
    std::string wire;
    std::size_t at = 0;
    for (const std::string_view label : split(name, '.')) {
        if (label.empty()) break;                          // the root
        wire += static_cast<char>(label.size());
        for (const char c : label) {
            const bool raise = at / 8 < dice.size() && ((dice[at / 8] >> (at % 8)) & 1U) != 0;
            wire += raise ? upper(c) : c;
            ++at;
        }
    }
    wire += '\0';
    return wire;
}

std::optional<std::string> text_name(std::string_view wire) {
    std::string text;
    while (!wire.empty() && wire.front() != '\0') {
        const auto length = static_cast<unsigned char>(wire.front());
        if (length > max_label || wire.size() <= length) return std::nullopt;
        const std::string_view label = wire.substr(1, length);
        if (!std::all_of(label.begin(), label.end(), plain) || label.find('.') != label.npos) return std::nullopt;
        if (!text.empty()) text += '.';
        text += ascii_lower(label);
        wire.remove_prefix(std::size_t{length} + 1);
    }
    if (wire.size() != 1 || text.size() > max_name) return std::nullopt;
    return text;
}

} // namespace postern::dns
