// The TXT record at _smtp._tls.DOMAIN by which a domain asks for reports: RFC 8460 section 3. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::tlsrpt {

constexpr std::size_t max_targets = 8;           // of a domain: nobody reads more, and each is a request of ours
constexpr std::size_t max_uri = 1024;

// Where a report goes.
struct Target {
    std::string uri;                             // as the record has it: "mailto:reports@example.com", "https://…"
    std::string mailbox;                         // of mailto: the address, decoded; empty: by HTTPS
    bool operator==(const Target&) const = default;
};
std::optional<Target> parse_target(std::string_view uri);

// Nothing: it is no such record, breaks the grammar, or names nothing we can send to.
std::optional<std::vector<Target>> parse_record(std::string_view text);

// Of all TXT records of the name exactly one must be such a record.
std::optional<std::vector<Target>> choose_record(const std::vector<std::string_view>& texts);

} // namespace postern::tlsrpt
