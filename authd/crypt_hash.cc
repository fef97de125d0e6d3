#include "authd/crypt_hash.h"

#include "libcommon/text.h"

#include <algorithm>
#include <crypt.h>
#include <memory>
#include <openssl/crypto.h>

namespace postern::authd {
namespace {

Error bad(std::string_view why) { return Error(Errc::invalid, "not a hash of crypt(3): " + std::string(why)); }

bool all_of_alphabet(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '.' || c == '/';
    });
}

// "$2b$12$" and 22 characters of salt with 31 of hash.
Result<void> check_bcrypt(const std::vector<std::string_view>& parts) {
    if (parts.size() != 4 || parts[2].size() != 2) return bad("two digits of cost expected");
    const auto cost = parse_number(parts[2].starts_with('0') ? parts[2].substr(1) : parts[2], max_bcrypt_cost);
    if (!cost || *cost < 4) return bad("cost");
    if (parts[3].size() != 53 || !all_of_alphabet(parts[3])) return bad("53 characters of salt and hash expected");
    return {};
}

// "$6$", perhaps "rounds=5000$", a salt of at most 16 characters, "$" and the hash.
template <std::size_t hash_size> Result<void> check_sha(const std::vector<std::string_view>& parts) {
    constexpr std::string_view rounds = "rounds=";
    const bool said = parts.size() == 5 && parts[2].starts_with(rounds);
    if (parts.size() != (said ? 5U : 4U)) return bad("salt and hash expected");
    const auto count = said ? parse_number(parts[2].substr(rounds.size()), max_sha_rounds) : 5000;
    if (!count || *count < 1000) return bad("rounds");
    const std::string_view salt = parts[parts.size() - 2], hash = parts.back();
    if (salt.empty() || salt.size() > 16 || !all_of_alphabet(salt)) return bad("salt");
    if (hash.size() != hash_size || !all_of_alphabet(hash)) return bad("hash");
    return {};
}

struct Kind {
    std::string_view id;
    Result<void> (*check)(const std::vector<std::string_view>& parts);
};
constexpr Kind kinds[] = {{"2a", check_bcrypt}, {"2b", check_bcrypt}, {"2y", check_bcrypt}, {"5", check_sha<43>}, {"6", check_sha<86>}};

} // namespace

Result<CryptHash> parse_crypt(std::string_view text) {
    const auto parts = split(text, '$');                 // "", the kind, ...
    const auto kind = std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind& k) {
        return parts.size() > 3 && parts[0].empty() && parts[1] == k.id;
    });
    if (kind == std::end(kinds)) return bad("$2a$, $2b$, $2y$, $5$ or $6$ expected");
    if (auto good = kind->check(parts); !good) return good.error();
    return CryptHash{std::string(text)};
}

bool verify_password(std::string_view password, const CryptHash& hash) {
    if (password.find('\0') != password.npos) return false;
    std::string typed(password);
    const auto work = std::make_unique<crypt_data>();
    const char* made = ::crypt_r(typed.c_str(), hash.text.c_str(), work.get());
    const bool right = made && std::string_view(made).size() == hash.text.size() &&
                       CRYPTO_memcmp(made, hash.text.data(), hash.text.size()) == 0;
    OPENSSL_cleanse(typed.data(), typed.size());
    OPENSSL_cleanse(work.get(), sizeof *work);
    return right;
}

} // namespace postern::authd
