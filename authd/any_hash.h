// A stored password hash of any kind that is verified. Argon2id is what is made here; others come with imported accounts.
#pragma once

#include "authd/crypt_hash.h"
#include "authd/password.h"

#include <variant>

namespace postern::authd {

using AnyHash = std::variant<PasswordHash, CryptHash>;

Result<AnyHash> parse_hash(std::string_view text);
bool verify_password(std::string_view password, const AnyHash& hash);

// Without the name of a scheme in braces, as Dovecot writes one in front: "{BLF-CRYPT}$2y$...".
std::string_view without_scheme(std::string_view text);

} // namespace postern::authd
