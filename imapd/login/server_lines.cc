#include "imapd/login/server_lines.h"

#include "libcommon/text.h"

#include <algorithm>
#include <optional>

namespace postern::imap_login {
namespace {

constexpr std::string_view bye = "* BYE ";
constexpr std::size_t longest_end = 24;             // "{18446744073709551615}\r\n"

// RFC 9051 section 4.3: a line that ends in {n} goes on behind n bytes.
std::optional<std::uint64_t> literal_announced(std::string_view line) {
    if (!line.ends_with("}\r\n")) return std::nullopt;
    line.remove_suffix(3);
    const auto open = line.rfind('{');
    return open == std::string_view::npos ? std::nullopt : parse_number(line.substr(open + 1), UINT64_MAX);
}

} // namespace

void ServerLines::see(std::string_view bytes) {
    while (!bytes.empty()) {
        if (literal_ > 0) {
            const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(literal_, bytes.size()));
            literal_ -= skipped;
            bytes.remove_prefix(skipped);
            continue;
        }
        const auto end = bytes.find('\n');
        const auto part = bytes.substr(0, end == std::string_view::npos ? end : end + 1);
        bytes.remove_prefix(part.size());
        add(part);
        if (end != std::string_view::npos) line_ended();
    }
}

void ServerLines::add(std::string_view part) {
    head_.append(part.substr(0, bye.size() - std::min(bye.size(), head_.size())));
    if (part.size() >= longest_end) tail_.clear();
    tail_.append(part.substr(part.size() - std::min(part.size(), longest_end)));
    if (tail_.size() > longest_end) tail_.erase(0, tail_.size() - longest_end);
}

void ServerLines::line_ended() {
    said_bye_ = said_bye_ || head_ == bye;
    const auto literal = literal_announced(tail_);
    literal_ = literal.value_or(0);
    head_ = literal ? "-" : "";         // behind a literal the line goes on
    tail_.clear();
}

} // namespace postern::imap_login
