// Handshakes whose private key is in keyd's key ring, never in the TLS context: with every kind of key, both
// protocol versions, and what happens when keyd does not sign.
#include "keyd/signing.h"
#include "libcommon/log.h"
#include "libtls/context.h"

#include <catch2/catch.hpp>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

using namespace postern;

namespace {

template <class F> std::string to_pem(F write) {
    const Owned<BIO, BIO_free> bio(BIO_new(BIO_s_mem()));
    REQUIRE(write(bio.get()) == 1);
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

struct Pair {
    std::string certificate, key;
};

Pair make_pair(const char* kind) {
    const std::string name = kind;
    const Owned<EVP_PKEY, EVP_PKEY_free> key(
        name == "RSA" ? EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", std::size_t{2048})
        : name == "EC" ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256")
        : name == "EC384" ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-384")
                          : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    REQUIRE(key);
    const Owned<X509, X509_free> certificate(X509_new());
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 3600);
    X509_set_pubkey(certificate.get(), key.get());
    REQUIRE(X509_sign(certificate.get(), key.get(), name == "ED25519" ? nullptr : EVP_sha256()) != 0);
    return {to_pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); }),
            to_pem([&](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); })};
}

// Both sides in memory until they are done or stuck. True when both say finished.
bool handshake(SSL_CTX* server_context, int version, const char* alpn = nullptr) {
    const Owned<SSL_CTX, SSL_CTX_free> client_context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(client_context.get(), version);
    SSL_CTX_set_max_proto_version(client_context.get(), version);
    const Owned<SSL, SSL_free> client(SSL_new(client_context.get())), server(SSL_new(server_context));
    if (alpn) SSL_set_alpn_protos(client.get(), reinterpret_cast<const unsigned char*>(alpn), static_cast<unsigned>(std::strlen(alpn)));
    BIO *client_end = nullptr, *server_end = nullptr;
    BIO_new_bio_pair(&client_end, 65536, &server_end, 65536);
    SSL_set_bio(client.get(), client_end, client_end);
    SSL_set_bio(server.get(), server_end, server_end);
    SSL_set_connect_state(client.get());
    SSL_set_accept_state(server.get());
    for (int turn = 0; turn < 20; ++turn) {
        const int a = SSL_do_handshake(client.get()), b = SSL_do_handshake(server.get());
        if (a == 1 && b == 1) return true;
        if ((a != 1 && SSL_get_error(client.get(), a) != SSL_ERROR_WANT_READ) ||
            (b != 1 && SSL_get_error(server.get(), b) != SSL_ERROR_WANT_READ))
            return false;
    }
    return false;
}

} // namespace

TEST_CASE("every kind of key signs handshakes from outside the process that speaks TLS") {
    for (const char* kind : {"EC", "EC384", "RSA", "ED25519"}) {
        INFO(kind);
        Pair pair = make_pair(kind);
        keyd::KeyRing ring;
        auto name = ring.add(pair.key);
        REQUIRE(name.ok());
        CHECK(*name == *tls::key_name_of(pair.certificate));
        CHECK(pair.key.find("PRIVATE") == std::string::npos);        // wiped
        int asked = 0;
        auto context = tls::Context::server({{"", pair.certificate}}, "smtp",
            [&](const ipc::KeyName& key, ipc::SignatureScheme scheme, std::string_view input) -> Result<std::string> {
                ++asked;
                const ipc::Signature signature = ring.sign({key, scheme, std::string(input)});
                if (signature.status != ipc::SignStatus::ok) return Error(Errc::denied, "refused");
                return signature.bytes.value;
            });
        REQUIRE(context.ok());
        CHECK(handshake((*context)->native(), TLS1_3_VERSION));
        CHECK(handshake((*context)->native(), TLS1_2_VERSION));
        CHECK(asked == 2);
        CHECK_FALSE(handshake((*context)->native(), TLS1_1_VERSION));
    }
}

TEST_CASE("a key that keyd does not have fails the handshake, nothing else") {
    log::set_level(log::Level::error);
    const Pair pair = make_pair("EC");
    auto context = tls::Context::server({{"", pair.certificate}}, "smtp",
        [](const ipc::KeyName&, ipc::SignatureScheme, std::string_view) -> Result<std::string> {
            return Error(Errc::unavailable, "no keyd");
        });
    REQUIRE(context.ok());
    CHECK_FALSE(handshake((*context)->native(), TLS1_3_VERSION));
}

TEST_CASE("another protocol's client is refused by ALPN") {
    Pair pair = make_pair("EC");
    keyd::KeyRing ring;
    REQUIRE(ring.add(pair.key).ok());
    auto context = tls::Context::server({{"", pair.certificate}}, "smtp",
        [&](const ipc::KeyName& key, ipc::SignatureScheme scheme, std::string_view input) -> Result<std::string> {
            return ring.sign({key, scheme, std::string(input)}).bytes.value;
        });
    REQUIRE(context.ok());
    CHECK(handshake((*context)->native(), TLS1_3_VERSION, "\x04smtp"));
    CHECK_FALSE(handshake((*context)->native(), TLS1_3_VERSION, "\x08http/1.1"));
}

TEST_CASE("keyd signs digests of the right size under the right scheme only") {
    Pair pair = make_pair("EC");
    keyd::KeyRing ring;
    const auto name = *ring.add(pair.key);
    using ipc::SignatureScheme;
    using ipc::SignStatus;
    CHECK(ring.sign({name, SignatureScheme::ecdsa_sha256, std::string(32, 'd')}).status == SignStatus::ok);
    CHECK(ring.sign({name, SignatureScheme::ecdsa_sha256, std::string(31, 'd')}).status == SignStatus::refused);
    CHECK(ring.sign({name, SignatureScheme::rsa_pss_sha256, std::string(32, 'd')}).status == SignStatus::refused);
    CHECK(ring.sign({name, SignatureScheme::ed25519, std::string(32, 'd')}).status == SignStatus::refused);
    CHECK(ring.sign({{}, SignatureScheme::ecdsa_sha256, std::string(32, 'd')}).status == SignStatus::unknown_key);
    std::string garbage = "not a key";
    CHECK_FALSE(ring.add(garbage).ok());
}
