#include "libtls/channel_bindings.h"

#include "libcommon/owned.h"

#include <catch2/catch.hpp>

#include <openssl/evp.h>
#include <openssl/x509.h>

using namespace postern;

namespace {

using Ssl = Owned<SSL, SSL_free>;
using SslContext = Owned<SSL_CTX, SSL_CTX_free>;
using Certificate = Owned<X509, X509_free>;
using PrivateKey = Owned<EVP_PKEY, EVP_PKEY_free>;

struct Signature {
    const char* key;             // "EC" or "ED25519"
    const EVP_MD* hash;          // null: the signature has one of its own
};

Certificate self_signed(EVP_PKEY* key, const EVP_MD* hash) {
    Certificate made(X509_new());
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), 3600);
    X509_NAME* name = X509_get_subject_name(made.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("mx.example"), -1, -1, 0);
    X509_set_issuer_name(made.get(), name);
    X509_set_pubkey(made.get(), key);
    REQUIRE(X509_sign(made.get(), key, hash) != 0);
    return made;
}

// Both ends of a TLS connection, after its handshake.
struct Ends {
    SslContext server_context{SSL_CTX_new(TLS_server_method())}, client_context{SSL_CTX_new(TLS_client_method())};
    Ssl server, client;

    Ends(const Signature& signature, int version) {
        const PrivateKey key(std::string_view(signature.key) == "EC" ? EVP_EC_gen("P-256") : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
        const Certificate certificate = self_signed(key.get(), signature.hash);
        REQUIRE(SSL_CTX_use_certificate(server_context.get(), certificate.get()) == 1);
        REQUIRE(SSL_CTX_use_PrivateKey(server_context.get(), key.get()) == 1);
        SSL_CTX_set_max_proto_version(client_context.get(), version);
        server.reset(SSL_new(server_context.get()));
        client.reset(SSL_new(client_context.get()));
        BIO *left = nullptr, *right = nullptr;
        REQUIRE(BIO_new_bio_pair(&left, 0, &right, 0) == 1);
        SSL_set_bio(server.get(), left, left);
        SSL_set_bio(client.get(), right, right);
        int server_done = 0, client_done = 0;
        for (int i = 0; i < 10 && (server_done != 1 || client_done != 1); ++i) {
            client_done = SSL_connect(client.get());
            server_done = SSL_accept(server.get());
        }
        REQUIRE(server_done == 1);
        REQUIRE(client_done == 1);
    }
    // As RFC 9266 section 2 tells a client to make it.
    std::string exported_to_client() const {
        std::string out(32, '\0');
        SSL_export_keying_material(client.get(), reinterpret_cast<unsigned char*>(out.data()), 32, "EXPORTER-Channel-Binding", 24,
                                   reinterpret_cast<const unsigned char*>(""), 0, 1);
        return out;
    }
    std::string hash_of_certificate(const EVP_MD* hash) const {
        const Certificate seen(SSL_get1_peer_certificate(client.get()));
        std::string out(static_cast<std::size_t>(EVP_MD_get_size(hash)), '\0');
        X509_digest(seen.get(), hash, reinterpret_cast<unsigned char*>(out.data()), nullptr);
        return out;
    }
};

} // namespace

TEST_CASE("tls-exporter is what the client computes, in TLS 1.3 only") {
    const Ends ends({"EC", EVP_sha256()}, TLS1_3_VERSION), others({"EC", EVP_sha256()}, TLS1_3_VERSION);
    const auto bindings = tls::channel_bindings(ends.server.get());
    CHECK(bindings.tls_exporter.view() == ends.exported_to_client());
    CHECK(bindings.tls_exporter.view() != tls::channel_bindings(others.server.get()).tls_exporter.view());
    CHECK(tls::channel_bindings(Ends({"EC", EVP_sha256()}, TLS1_2_VERSION).server.get()).tls_exporter.empty());
}

TEST_CASE("tls-server-end-point is the certificate's hash, by the hash function of its signature") {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
        for (const EVP_MD* hash : {EVP_sha256(), EVP_sha384(), EVP_sha512()}) {
            const Ends ends({"EC", hash}, version);
            CHECK(tls::channel_bindings(ends.server.get()).tls_server_end_point.view() == ends.hash_of_certificate(hash));
        }
        const Ends weak({"EC", EVP_sha1()}, version);                      // RFC 5929 section 4.1: SHA-256 instead
        CHECK(tls::channel_bindings(weak.server.get()).tls_server_end_point.view() == weak.hash_of_certificate(EVP_sha256()));
        const Ends pure({"ED25519", nullptr}, version);                    // undefined for it
        CHECK(tls::channel_bindings(pure.server.get()).tls_server_end_point.empty());
    }
}
