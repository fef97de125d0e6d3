#include "mailctl/import.h"

#include "libcommon/text.h"
#include "mailctl/client.h"

#include <fmt/core.h>

namespace postern::mailctl {

namespace {

// "$kind$..." or, as Dovecot writes it, "{SCHEME}$kind$...", and longer than anybody types. Which kinds are taken authd says.
bool looks_like_hash(std::string_view secret) {
    constexpr std::size_t shortest = 50, longest_kind = 10;
    if (const auto brace = secret.find("}$"); secret.starts_with('{') && brace != secret.npos) secret.remove_prefix(brace + 1);
    return secret.size() >= shortest && secret.starts_with('$') && secret.find('$', 1) <= longest_kind;
}

} // namespace

json::Array parse_import(std::string_view text) {
    json::Array accounts;
    std::size_t number = 0;
    for (std::string_view line : split(text, '\n')) {
        ++number;
        if (line.ends_with('\r')) line.remove_suffix(1);
        while (line.starts_with(' ') || line.starts_with('\t')) line.remove_prefix(1);
        if (line.empty() || line.starts_with('#')) continue;
        const auto blank = line.find_first_of(" \t");
        const auto address = line.substr(0, blank);
        const auto secret = blank == line.npos ? std::string_view() : line.substr(line.find_first_not_of(" \t", blank) == line.npos
                                                                                      ? line.size()
                                                                                      : line.find_first_not_of(" \t", blank));
        if (address.find('@') == address.npos) throw Failure{exit_data, fmt::format("line {}: no address", number)};
        if (secret.empty()) throw Failure{exit_data, fmt::format("line {}: no password", number)};
        accounts.push_back(json::Value()
                               .set("address", address)
                               .set(looks_like_hash(secret) ? "password_hash" : "password", secret));
    }
    return accounts;
}

} // namespace postern::mailctl
