#include "libsasl/mechanism.h"

#include "libcommon/text.h"

#include <iterator>

namespace postern::sasl {
namespace {

using Id = ipc::SaslMechanism;

constexpr Mechanism table[] = {
    {.name = "SCRAM-SHA-256-PLUS", .id = Id::scram_sha_256_plus, .client_first = true, .binds_channel = true, .opt_in = false},
    {.name = "SCRAM-SHA-256", .id = Id::scram_sha_256, .client_first = true, .binds_channel = false, .opt_in = false},   // RFC 7677
    {.name = "PLAIN", .id = Id::plain, .client_first = true, .binds_channel = false, .opt_in = false},                   // RFC 4616
    // The server asks first, but many clients send the name along.
    {.name = "LOGIN", .id = Id::login, .client_first = true, .binds_channel = false, .opt_in = false},
    {.name = "CRAM-MD5", .id = Id::cram_md5, .client_first = false, .binds_channel = false, .opt_in = true},             // RFC 2195
};
static_assert(std::size(table) == static_cast<std::size_t>(last_enumerator(Id{})) + 1);

} // namespace

std::span<const Mechanism> mechanisms() { return table; }

std::string_view name_of(ipc::SaslMechanism id) {
    for (const Mechanism& row : table)
        if (row.id == id) return row.name;
    return {};
}

bool is_offered(const Mechanism& mechanism, const Conditions& conditions) {
    return conditions.tls && (!mechanism.binds_channel || conditions.binding) && (!mechanism.opt_in || conditions.cram_md5);
}

const Mechanism* find(std::string_view name, const Conditions& conditions) {
    for (const Mechanism& row : table)
        if (iequals(row.name, name) && is_offered(row, conditions)) return &row;
    return nullptr;
}

std::string offer(const Conditions& conditions, std::string_view prefix) {
    std::string names;
    for (const Mechanism& row : table)
        if (is_offered(row, conditions)) names.append(" ").append(prefix).append(row.name);
    return names;
}

} // namespace postern::sasl
