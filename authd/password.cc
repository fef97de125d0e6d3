#include "authd/password.h"

#include "libcommon/ids.h"
#include "libcommon/text.h"

#include <array>
#include <optional>

#include <argon2.h>
#include <fmt/core.h>
#include <openssl/crypto.h>

namespace postern::authd {
namespace {

constexpr std::size_t salt_bytes = 16, hash_bytes = 32;   // RFC 9106 section 4

Error bad(std::string_view why) { return Error(Errc::invalid, "not an Argon2id hash: " + std::string(why)); }

// PHC strings use base64 without its padding.
std::string unpadded(std::string_view bytes) {
    std::string text = to_base64(bytes);
    while (!text.empty() && text.back() == '=') text.pop_back();
    return text;
}
std::optional<std::string> from_unpadded(std::string_view text) {
    if (text.find('=') != text.npos) return std::nullopt;
    std::string padded(text);
    while (padded.size() % 4 != 0) padded.push_back('=');
    return from_base64(padded);
}

// "m=19456" within its bounds.
bool read_cost(std::string_view part, char name, std::uint32_t min, std::uint32_t max, std::uint32_t& out) {
    if (part.size() < 3 || part[0] != name || part[1] != '=' || part[2] == '0') return false;
    const auto number = parse_number(part.substr(2), max);
    if (!number || *number < min) return false;
    out = static_cast<std::uint32_t>(*number);
    return true;
}

Result<HashCost> parse_cost(std::string_view text) {
    HashCost cost;
    const auto parts = split(text, ',');
    if (parts.size() != 3) return bad("three costs expected");
    if (!read_cost(parts[2], 'p', 1, limits::lanes, cost.lanes)) return bad("p");
    if (!read_cost(parts[1], 't', 1, limits::passes, cost.passes)) return bad("t");
    if (!read_cost(parts[0], 'm', 8 * cost.lanes, limits::memory_kib, cost.memory_kib)) return bad("m");
    return cost;
}

// libargon2's short functions start a thread per lane; this one stays on the caller's.
bool argon2id(std::string_view password, std::string_view salt, const HashCost& cost, std::string& out) {
    auto bytes = [](std::string_view text) { return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data())); };
    argon2_context context{};
    context.out = reinterpret_cast<std::uint8_t*>(out.data());
    context.outlen = static_cast<std::uint32_t>(out.size());
    context.pwd = bytes(password);
    context.pwdlen = static_cast<std::uint32_t>(password.size());
    context.salt = bytes(salt);
    context.saltlen = static_cast<std::uint32_t>(salt.size());
    context.t_cost = cost.passes;
    context.m_cost = cost.memory_kib;
    context.lanes = cost.lanes;
    context.threads = 1;
    context.version = ARGON2_VERSION_13;
    return argon2_ctx(&context, Argon2_id) == ARGON2_OK;
}

} // namespace

Result<PasswordHash> parse_phc(std::string_view text) {
    const auto parts = split(text, '$');   // "", "argon2id", "v=19", costs, salt, hash
    if (parts.size() != 6 || !parts[0].empty() || parts[1] != "argon2id") return bad("$argon2id$ expected");
    if (parts[2] != "v=19") return bad("v=19 expected");
    auto cost = parse_cost(parts[3]);
    if (!cost) return cost.error();
    auto salt = from_unpadded(parts[4]);
    if (!salt || salt->size() < limits::min_salt || salt->size() > limits::max_salt) return bad("salt");
    auto hash = from_unpadded(parts[5]);
    if (!hash || hash->size() < limits::min_hash || hash->size() > limits::max_hash) return bad("hash");
    return PasswordHash{*cost, std::move(*salt), std::move(*hash)};
}

std::string to_phc(const PasswordHash& hash) {
    return fmt::format("$argon2id$v=19$m={},t={},p={}${}${}", hash.cost.memory_kib, hash.cost.passes, hash.cost.lanes,
                       unpadded(hash.salt), unpadded(hash.hash));
}

Result<std::string> hash_password(std::string_view password, const HashCost& cost) {
    PasswordHash made{cost, std::string(salt_bytes, '\0'), std::string(hash_bytes, '\0')};
    random_bytes(made.salt.data(), made.salt.size());
    if (!argon2id(password, made.salt, cost, made.hash)) return Error(Errc::unavailable, "no memory to hash a password");
    return to_phc(made);
}

bool verify_password(std::string_view password, const PasswordHash& hash) {
    std::string computed(hash.hash.size(), '\0');
    return argon2id(password, hash.salt, hash.cost, computed) &&
           CRYPTO_memcmp(computed.data(), hash.hash.data(), computed.size()) == 0;
}

} // namespace postern::authd
