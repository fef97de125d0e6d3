// Argon2id (RFC 9106) in PHC strings: "$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>". The cost rides in the hash, so
// that it can be raised later: a login with an older cost is rehashed.
#pragma once

#include "libcommon/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::authd {

// OWASP's first choice: 20 ms on one core of 2023.
struct HashCost {
    std::uint32_t memory_kib = 19456;
    std::uint32_t passes = 2;
    std::uint32_t lanes = 1;
    bool operator==(const HashCost&) const = default;
};

// What we are willing to compute for a hash that came from elsewhere.
namespace limits {
constexpr std::uint32_t memory_kib = 256 * 1024, passes = 64, lanes = 16;
constexpr std::size_t min_salt = 8, max_salt = 64, min_hash = 16, max_hash = 64;
} // namespace limits

struct PasswordHash {
    HashCost cost;
    std::string salt, hash;   // bytes
    bool operator==(const PasswordHash&) const = default;
};

Result<PasswordHash> parse_phc(std::string_view text);
std::string to_phc(const PasswordHash& hash);

// With a salt of its own. Takes its 20 ms: worker threads only, as for verify().
Result<std::string> hash_password(std::string_view password, const HashCost& cost);

// Compares in constant time.
bool verify_password(std::string_view password, const PasswordHash& hash);

} // namespace postern::authd
