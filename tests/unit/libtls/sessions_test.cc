// Handshakes in memory with a server that gives tickets: when the next one resumes, and what it has proved then.
#include "libtls/sessions.h"

#include <catch2/catch.hpp>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

using namespace postern;
using namespace postern::tls;
using Proof = ServerIdentity::Proof;

namespace {

constexpr long an_hour = 3600;
constexpr int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

// A server named mx.example, with a certificate it signed itself.
struct Server {
    Owned<EVP_PKEY, EVP_PKEY_free> key{EVP_EC_gen("P-256")};
    Owned<X509, X509_free> certificate{X509_new()};
    Owned<SSL_CTX, SSL_CTX_free> context{SSL_CTX_new(TLS_server_method())};

    explicit Server(int version, long life = 24 * an_hour) {
        X509* made = certificate.get();
        X509_set_version(made, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(made), 1);
        X509_gmtime_adj(X509_getm_notBefore(made), -an_hour);
        X509_gmtime_adj(X509_getm_notAfter(made), life);
        X509_NAME_add_entry_by_txt(X509_get_subject_name(made), "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("x"), -1, -1, 0);
        X509_set_issuer_name(made, X509_get_subject_name(made));
        const Owned<X509_EXTENSION, X509_EXTENSION_free> names(X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:mx.example"));
        X509_add_ext(made, names.get(), -1);
        X509_set_pubkey(made, key.get());
        REQUIRE(X509_sign(made, key.get(), EVP_sha256()) != 0);
        REQUIRE(SSL_CTX_use_certificate(context.get(), made) == 1);
        REQUIRE(SSL_CTX_use_PrivateKey(context.get(), key.get()) == 1);
        SSL_CTX_set_min_proto_version(context.get(), version);
        SSL_CTX_set_max_proto_version(context.get(), version);
    }
    std::string pem() const {
        const Owned<BIO, BIO_free> bio(BIO_new(BIO_s_mem()));
        PEM_write_bio_X509(bio.get(), certificate.get());
        char* text = nullptr;
        const long size = BIO_get_mem_data(bio.get(), &text);
        return {text, static_cast<std::size_t>(size)};
    }
    Tlsa tlsa() const {                          // 3 0 0: the certificate itself
        unsigned char* der = nullptr;
        const int size = i2d_X509(certificate.get(), &der);
        Tlsa record{3, 0, 0, std::string(reinterpret_cast<char*>(der), static_cast<std::size_t>(size))};
        OPENSSL_free(der);
        return record;
    }
    std::shared_ptr<const ClientContext> client(std::size_t sessions = 10) const {
        auto made = ClientContext::make(pem(), sessions);
        REQUIRE(made);
        return *made;
    }
};

ServerIdentity by_certificate() {
    ServerIdentity identity;
    identity.server_name = "mx.example";
    identity.proof = Proof::certificate;
    identity.names = {"mx.example"};
    return identity;
}
ServerIdentity by_dane(const Server& server) {
    ServerIdentity identity = by_certificate();
    identity.proof = Proof::dane;
    identity.tlsa = {server.tlsa()};
    return identity;
}

struct Seen {
    bool resumed = false;
    Authentication proved = Authentication::none;
    bool operator==(const Seen&) const = default;
};

// A whole connection, with a word from the server so that its tickets are read.
Seen talk(const ClientContext& context, const Server& server, const ServerIdentity& identity, std::string_view place = "mx.example:25") {
    auto made = context.connection(identity, place);
    REQUIRE(made);
    const ClientTls client = std::move(*made);
    const Owned<SSL, SSL_free> other(SSL_new(server.context.get()));
    BIO *left = nullptr, *right = nullptr;
    BIO_new_bio_pair(&left, 65536, &right, 65536);
    SSL_set_bio(client.get(), left, left);
    SSL_set_bio(other.get(), right, right);
    int ours = 0, theirs = 0;
    for (int turn = 0; turn < 10 && (ours != 1 || theirs != 1); ++turn) {
        ours = SSL_connect(client.get());
        theirs = SSL_accept(other.get());
    }
    if (ours != 1 || theirs != 1) return {};
    session_resumed(client.get());
    char word[1];
    REQUIRE(SSL_write(other.get(), "x", 1) == 1);
    REQUIRE(SSL_read(client.get(), word, 1) == 1);
    // Both say goodbye, or OpenSSL takes the session for one that was broken off.
    SSL_shutdown(client.get());
    SSL_shutdown(other.get());
    return {SSL_session_reused(client.get()) == 1, authentication_of(client.get())};
}

constexpr Seen anew{false, Authentication::pkix}, again{true, Authentication::pkix};

} // namespace

TEST_CASE("a server that proved itself is resumed, and again, and has proved what it proved then") {
    for (const int version : versions) {
        INFO(std::hex << version);
        const Server server(version);
        const auto context = server.client();
        CHECK(talk(*context, server, by_certificate()) == anew);
        for (int i = 0; i < 3; ++i) CHECK(talk(*context, server, by_certificate()) == again);
        const Authentication dane = Authentication::dane_ee;
        CHECK(talk(*context, server, by_dane(server)) == Seen{false, dane});
        CHECK(talk(*context, server, by_dane(server)) == Seen{true, dane});
        ServerIdentity nothing;
        CHECK(talk(*context, server, nothing) == Seen{false, Authentication::unverified});
        CHECK(talk(*context, server, nothing) == Seen{true, Authentication::unverified});
    }
}

TEST_CASE("what is asked otherwise is proved anew") {
    for (const int version : versions) {
        INFO(std::hex << version);
        const Server server(version);
        const auto context = server.client();
        const auto changed = [](auto change) {
            ServerIdentity identity = by_certificate();
            change(identity);
            return identity;
        };
        const ServerIdentity others[] = {
            changed([](ServerIdentity& i) { i.server_name = ""; }),
            changed([](ServerIdentity& i) { i.names.push_back("example"); }),
            changed([](ServerIdentity& i) { i.binding = false; }),
            changed([](ServerIdentity& i) { i.proof = Proof::nothing; }),
            by_dane(server),
        };
        CHECK(talk(*context, server, by_certificate()) == anew);
        for (const ServerIdentity& other : others) CHECK_FALSE(talk(*context, server, other).resumed);
        CHECK(talk(*context, server, by_certificate(), "mx.example:25 a policy") == anew);
        CHECK(talk(*context, server, by_certificate()) == again);
        // By other authorities, as after a reload.
        CHECK(talk(*server.client(), server, by_certificate()) == anew);
        // The order of records, which the DNS turns, is none of it.
        ServerIdentity one = by_dane(server), two = one;
        one.tlsa.push_back({3, 1, 1, std::string(32, 'x')});
        two.tlsa.insert(two.tlsa.begin(), one.tlsa.back());
        CHECK_FALSE(talk(*context, server, one).resumed);
        CHECK(talk(*context, server, two).resumed);
    }
}

TEST_CASE("a proof that failed and stopped nothing makes no session") {
    for (const int version : versions) {
        const Server server(version);
        const auto context = server.client();
        ServerIdentity identity = by_certificate();
        identity.names = {"another.example"};
        identity.binding = false;                // as of a policy in testing
        for (int i = 0; i < 2; ++i) CHECK(talk(*context, server, identity) == Seen{false, Authentication::unverified});
    }
}

TEST_CASE("a session is taken out when it is used: a handshake that fails has forgotten it") {
    for (const int version : versions) {
        const Server server(version);
        const auto context = server.client();
        CHECK(talk(*context, server, by_certificate()) == anew);
        CHECK(context->connection(by_certificate(), "mx.example:25").ok());        // and nothing comes of it
        CHECK(talk(*context, server, by_certificate()) == anew);
        CHECK(talk(*context, server, by_certificate()) == again);
    }
}

TEST_CASE("none is kept where none is wanted") {
    const Server server(TLS1_3_VERSION);
    const auto none = server.client(0), some = server.client();
    for (int i = 0; i < 2; ++i) {
        CHECK(talk(*none, server, by_certificate()) == anew);
        CHECK(talk(*some, server, by_certificate(), "") == anew);
    }
}

TEST_CASE("sessions are bounded in number and time") {
    const auto session = [](const Server& server) {
        const Owned<SSL_CTX, SSL_CTX_free> context(SSL_CTX_new(TLS_client_method()));
        const Owned<SSL, SSL_free> client(SSL_new(context.get())), other(SSL_new(server.context.get()));
        BIO *left = nullptr, *right = nullptr;
        BIO_new_bio_pair(&left, 65536, &right, 65536);
        SSL_set_bio(client.get(), left, left);
        SSL_set_bio(other.get(), right, right);
        for (int turn = 0; turn < 5; ++turn) {
            SSL_connect(client.get());
            SSL_accept(other.get());
        }
        SSL_shutdown(client.get());
        return Sessions::Kept{Session(SSL_get1_session(client.get())), Authentication::pkix};
    };
    const Server server(TLS1_2_VERSION), brief(TLS1_2_VERSION, an_hour);
    const std::time_t now = std::time(nullptr);
    Sessions sessions(2);
    for (const char* key : {"a", "b", "c", "c"}) sessions.put(key, session(server));
    CHECK(sessions.size() == 2);
    CHECK_FALSE(sessions.take("a", now).session);
    CHECK(sessions.take("b", now).session);
    CHECK_FALSE(sessions.take("b", now).session);
    CHECK_FALSE(sessions.take("c", now + 3 * an_hour).session);
    sessions.put("its certificate has ended", session(brief));
    CHECK_FALSE(sessions.take("its certificate has ended", now + an_hour + 60).session);
    sessions.put("not yet", session(brief));
    CHECK(sessions.take("not yet", now + an_hour - 600).proved == Authentication::pkix);
    CHECK(sessions.size() == 0);
}
