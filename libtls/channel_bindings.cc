#include "libtls/channel_bindings.h"

#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/x509.h>

namespace postern::tls {
namespace {

// RFC 9266. TLS 1.3 only: in 1.2 it needs the extended master secret, and implementations disagree about an empty context.
std::string exporter(SSL* ssl) {
    constexpr std::string_view label = "EXPORTER-Channel-Binding";
    std::string out(32, '\0');
    if (SSL_version(ssl) < TLS1_3_VERSION ||
        SSL_export_keying_material(ssl, reinterpret_cast<unsigned char*>(out.data()), out.size(), label.data(), label.size(),
                                   nullptr, 0, 0) != 1)
        return {};
    return out;
}

// RFC 5929 section 4.1: the certificate's hash, by the hash function of its signature, but SHA-256 for MD5 and SHA-1.
// Undefined, and left out, where the signature uses no hash of its own (Ed25519) or several.
std::string server_end_point(SSL* ssl) {
    const X509* certificate = SSL_get_certificate(ssl);
    int hash = NID_undef;
    if (!certificate || OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &hash, nullptr) != 1) return {};
    if (hash == NID_md5 || hash == NID_sha1) hash = NID_sha256;
    const EVP_MD* function = EVP_get_digestbynid(hash);
    if (!function) return {};
    std::string out(static_cast<std::size_t>(EVP_MD_get_size(function)), '\0');
    if (X509_digest(certificate, function, reinterpret_cast<unsigned char*>(out.data()), nullptr) != 1) return {};
    return out;
}

} // namespace

ipc::ChannelBindings channel_bindings(SSL* ssl) { return {exporter(ssl), server_end_point(ssl)}; }

} // namespace postern::tls
