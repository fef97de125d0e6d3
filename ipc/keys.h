// keyd signs and never reveals. A key is named by the SHA-256 of its SubjectPublicKeyInfo, which every
// certificate shows. RSA is padded inside keyd: it is never asked for a raw operation, never decrypts.
#pragma once

#include "ipc/message_type.h"
#include "libcommon/ids.h"

namespace postern::ipc {

using KeyName = std::array<std::uint8_t, 32>;

enum class SignatureScheme : std::uint8_t {
    ecdsa_sha256, ecdsa_sha384, ecdsa_sha512,            // input: the digest
    rsa_pss_sha256, rsa_pss_sha384, rsa_pss_sha512,      // input: the digest
    rsa_pkcs1_sha256, rsa_pkcs1_sha384, rsa_pkcs1_sha512,
    ed25519,                                             // input: the message
};
constexpr SignatureScheme last_enumerator(SignatureScheme) { return SignatureScheme::ed25519; }

enum class SignStatus : std::uint8_t { ok, unknown_key, refused, failed };
constexpr SignStatus last_enumerator(SignStatus) { return SignStatus::failed; }

struct Signature {
    static constexpr auto type = MessageType::signature;
    SignStatus status = SignStatus::failed;
    Text<1024> bytes;
    static auto fields(auto& m) { return std::tie(m.status, m.bytes); }
};
struct Sign {
    static constexpr auto type = MessageType::sign;
    using Reply = Signature;
    KeyName key{};
    SignatureScheme scheme = SignatureScheme::ecdsa_sha256;
    Text<1024> input;
    static auto fields(auto& m) { return std::tie(m.key, m.scheme, m.input); }
};

} // namespace postern::ipc
