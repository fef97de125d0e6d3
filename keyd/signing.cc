#include "keyd/signing.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

namespace postern::keyd {
namespace {

using ipc::SignatureScheme;
constexpr int min_rsa_bits = 2048;

struct SchemeRow {
    SignatureScheme scheme;
    const char* algorithm;
    const EVP_MD* (*digest)();
    int padding;              // RSA only
};
const SchemeRow schemes[] = {
    {SignatureScheme::ecdsa_sha256, "EC", EVP_sha256, 0},
    {SignatureScheme::ecdsa_sha384, "EC", EVP_sha384, 0},
    {SignatureScheme::ecdsa_sha512, "EC", EVP_sha512, 0},
    {SignatureScheme::rsa_pss_sha256, "RSA", EVP_sha256, RSA_PKCS1_PSS_PADDING},
    {SignatureScheme::rsa_pss_sha384, "RSA", EVP_sha384, RSA_PKCS1_PSS_PADDING},
    {SignatureScheme::rsa_pss_sha512, "RSA", EVP_sha512, RSA_PKCS1_PSS_PADDING},
    {SignatureScheme::rsa_pkcs1_sha256, "RSA", EVP_sha256, RSA_PKCS1_PADDING},
    {SignatureScheme::rsa_pkcs1_sha384, "RSA", EVP_sha384, RSA_PKCS1_PADDING},
    {SignatureScheme::rsa_pkcs1_sha512, "RSA", EVP_sha512, RSA_PKCS1_PADDING},
    {SignatureScheme::ed25519, "ED25519", nullptr, 0},
};

const SchemeRow& row_of(SignatureScheme scheme) { return schemes[static_cast<std::size_t>(scheme)]; }

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

bool sign_message(EVP_PKEY* key, std::string_view message, std::string& out) {
    const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    std::size_t size = 64;
    out.resize(size);
    const bool ok = context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
                    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes_of(message),
                                   message.size()) == 1;
    out.resize(ok ? size : 0);
    return ok;
}

bool sign_digest(EVP_PKEY* key, const SchemeRow& row, std::string_view digest, std::string& out) {
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new(key, nullptr));
    if (!context || EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_CTX_set_signature_md(context.get(), row.digest()) != 1)
        return false;
    if (row.padding != 0 && EVP_PKEY_CTX_set_rsa_padding(context.get(), row.padding) != 1) return false;
    if (row.padding == RSA_PKCS1_PSS_PADDING && EVP_PKEY_CTX_set_rsa_pss_saltlen(context.get(), RSA_PSS_SALTLEN_DIGEST) != 1)
        return false;
    std::size_t size = static_cast<std::size_t>(EVP_PKEY_get_size(key));
    out.resize(size);
    const bool ok = EVP_PKEY_sign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size, bytes_of(digest),
                                  digest.size()) == 1;
    out.resize(ok ? size : 0);
    return ok;
}

} // namespace

Result<ipc::KeyName> KeyRing::add(std::string& pem) {
    const Owned<BIO, BIO_free> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    PrivateKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, [](char*, int, int, void*) { return -1; }, nullptr));
    OPENSSL_cleanse(pem.data(), pem.size());
    if (!key) {
        ERR_clear_error();
        return Error(Errc::invalid, "not a PEM private key without a passphrase");
    }
    if (EVP_PKEY_is_a(key.get(), "RSA") && EVP_PKEY_get_bits(key.get()) < min_rsa_bits)
        return Error(Errc::invalid, "an RSA key under 2048 bits");
    unsigned char* der = nullptr;
    const int size = i2d_PUBKEY(key.get(), &der);
    if (size <= 0) return Error(Errc::unsupported, "a key without a public half");
    ipc::KeyName name{};
    SHA256(der, static_cast<std::size_t>(size), name.data());
    OPENSSL_free(der);
    keys_[name] = std::move(key);
    return name;
}

ipc::Signature KeyRing::sign(const ipc::Sign& request) const {
    const auto at = keys_.find(request.key);
    if (at == keys_.end()) return {ipc::SignStatus::unknown_key, {}};
    EVP_PKEY* key = at->second.get();
    const SchemeRow& row = row_of(request.scheme);
    const bool fits = EVP_PKEY_is_a(key, row.algorithm) == 1 &&
                      (!row.digest || request.input.value.size() == static_cast<std::size_t>(EVP_MD_get_size(row.digest())));
    if (!fits) return {ipc::SignStatus::refused, {}};
    ipc::Signature signature;
    const bool ok = row.digest ? sign_digest(key, row, request.input, signature.bytes.value)
                               : sign_message(key, request.input, signature.bytes.value);
    signature.status = ok ? ipc::SignStatus::ok : ipc::SignStatus::failed;
    ERR_clear_error();
    return signature;
}

} // namespace postern::keyd
