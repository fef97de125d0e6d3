#include "tlspolicyd/reports/record.h"

#include "libcommon/text.h"
#include "libmail/address.h"
#include "libmail/chars.h"

#include <algorithm>

namespace postern::tlsrpt {
namespace {

constexpr std::string_view version = "v=TLSRPTv1";
constexpr std::size_t max_name = 32, max_record = 4096;
constexpr std::size_t max_mailbox = 64 + 1 + 255;                // RFC 5321 section 4.5.3.1, quotes included

bool is_in_name(char c) { return mail::is_alpha(c) || mail::is_digit(c) || c == '_' || c == '-' || c == '.'; }
bool is_in_value(char c) { return c > ' ' && c < '\x7f' && c != '=' && c != ';'; }

// RFC 3986 section 2.1. A "%" that is none is the end of it.
std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            out += text[at];
            continue;
        }
        const auto octet = from_hex(text.substr(at + 1, 2));
        if (!octet || octet->size() != 1) return std::nullopt;
        out += *octet;
        at += 2;
    }
    return out;
}

// tlsrpt-ext-name "=" tlsrpt-ext-value: of what later versions may bring.
bool is_extension(std::string_view name, std::string_view value) {
    return !name.empty() && name.size() <= max_name && name.front() != '_' && name.front() != '-' && name.front() != '.' &&
           std::all_of(name.begin(), name.end(), is_in_name) && !value.empty() && std::all_of(value.begin(), value.end(), is_in_value);
}

// A URI that is nothing to us is passed over: others of the list may be something.
void add_targets(std::string_view list, std::vector<Target>& targets) {
    for (const std::string_view uri : split(list, ',')) {
        auto target = parse_target(trim(uri));
        if (target && targets.size() < max_targets && std::find(targets.begin(), targets.end(), *target) == targets.end())
            targets.push_back(std::move(*target));
    }
}

bool is_ours(std::string_view text) { return text.starts_with(version) && trim(text.substr(version.size())).starts_with(';'); }

} // namespace

// "!" must be written "%21" (section 3): one that stands there means something in DMARC, and nothing here.
std::optional<Target> parse_target(std::string_view uri) {
    const auto is_allowed = [](char c) { return c > ' ' && c < '\x7f' && c != '!' && c != '"' && c != '<' && c != '>'; };
    if (uri.size() > max_uri || !std::all_of(uri.begin(), uri.end(), is_allowed)) return std::nullopt;
    constexpr std::string_view mailto = "mailto:", https = "https://";
    if (istarts_with(uri, https) && uri.size() > https.size()) return Target{std::string(uri), {}};
    if (!istarts_with(uri, mailto)) return std::nullopt;
    const auto address = percent_decoded(uri.substr(mailto.size(), uri.find('?') - mailto.size()));   // RFC 6068: hfields count for nothing
    if (!address || std::any_of(address->begin(), address->end(), mail::is_eight_bit)) return std::nullopt;
    const auto mailbox = mail::parse_mailbox(*address);
    if (!mailbox || mailbox->is_literal() || mailbox->text().size() > max_mailbox) return std::nullopt;
    return Target{std::string(uri), mailbox->text()};
}

std::optional<std::vector<Target>> parse_record(std::string_view text) {
    if (text.size() > max_record || !is_ours(text)) return std::nullopt;
    std::vector<Target> targets;
    auto fields = split(text, ';');
    if (trim(fields.back()).empty()) fields.pop_back();          // the last delimiter may stand alone
    for (std::size_t i = 1; i < fields.size(); ++i) {
        const std::string_view field = trim(fields[i]);
        const auto equals = field.find('=');
        if (equals == std::string_view::npos) return std::nullopt;
        const auto name = field.substr(0, equals), value = field.substr(equals + 1);
        if (name == "rua") add_targets(value, targets);
        else if (!is_extension(name, value)) return std::nullopt;
    }
    if (targets.empty()) return std::nullopt;
    return targets;
}

std::optional<std::vector<Target>> choose_record(const std::vector<std::string_view>& texts) {
    if (std::count_if(texts.begin(), texts.end(), is_ours) != 1) return std::nullopt;
    return parse_record(*std::find_if(texts.begin(), texts.end(), is_ours));
}

} // namespace postern::tlsrpt
