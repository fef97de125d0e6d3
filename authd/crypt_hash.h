// Hashes of crypt(3), which accounts bring from other mail systems: bcrypt ("$2a$", "$2b$", "$2y$"), SHA-256 ("$5$") and SHA-512
// ("$6$"). They are verified, never made: the first login by PLAIN replaces one by Argon2id.
#pragma once

#include "libcommon/result.h"

#include <string>
#include <string_view>

namespace postern::authd {

// What we are willing to compute: about a second.
constexpr unsigned max_bcrypt_cost = 14, max_sha_rounds = 1'000'000;

struct CryptHash {
    std::string text;                // parsed: of a kind we verify, within these costs
};
Result<CryptHash> parse_crypt(std::string_view text);

// Compares in constant time. As crypt(3) does, bcrypt looks at 72 octets; a password with a NUL is wrong.
bool verify_password(std::string_view password, const CryptHash& hash);

} // namespace postern::authd
