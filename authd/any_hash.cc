#include "authd/any_hash.h"

namespace postern::authd {

Result<AnyHash> parse_hash(std::string_view text) {
    if (text.starts_with("$argon2")) {
        auto argon2 = parse_phc(text);
        if (!argon2) return argon2.error();
        return AnyHash(std::move(*argon2));
    }
    auto other = parse_crypt(text);
    if (!other) return Error(Errc::invalid, "not a password hash: Argon2id, bcrypt, SHA-256 or SHA-512 of crypt(3) expected")
                           .with("reason", other.error().message());
    return AnyHash(std::move(*other));
}

bool verify_password(std::string_view password, const AnyHash& hash) {
    return std::visit([&](const auto& kind) { return verify_password(password, kind); }, hash);
}

std::string_view without_scheme(std::string_view text) {
    const auto end = text.find("}$");
    return text.starts_with('{') && end != text.npos ? text.substr(end + 1) : text;
}

} // namespace postern::authd
