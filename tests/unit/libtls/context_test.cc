// Which of several certificates a client gets, and what is left out.
#include "libcommon/log.h"
#include "libtls/certificates.h"
#include "libtls/context.h"

#include <catch2/catch.hpp>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

using namespace postern;

namespace {

using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using X509Ptr = Owned<X509, X509_free>;

// One key for all: which certificate a client saw is told by its serial number.
EVP_PKEY* key() {
    static const Key made(EVP_EC_gen("P-256"));
    return made.get();
}

std::string certificate(int serial, const char* names, long seconds = 3600) {
    const X509Ptr made(X509_new());
    X509_set_version(made.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.get()), serial);
    X509_gmtime_adj(X509_getm_notBefore(made.get()), -7200);
    X509_gmtime_adj(X509_getm_notAfter(made.get()), seconds);
    auto* subject = X509_get_subject_name(made.get());
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("subject.example"), -1, -1, 0);
    X509_set_issuer_name(made.get(), subject);
    if (*names) {
        const Owned<X509_EXTENSION, X509_EXTENSION_free> extension(X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names));
        REQUIRE(extension);
        X509_add_ext(made.get(), extension.get(), -1);
    }
    X509_set_pubkey(made.get(), key());
    REQUIRE(X509_sign(made.get(), key(), EVP_sha256()) != 0);
    const Owned<BIO, BIO_free> bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), made.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    return {text, static_cast<std::size_t>(size)};
}

Result<std::string> sign(const ipc::KeyName&, ipc::SignatureScheme, std::string_view digest) {
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new(key(), nullptr));
    std::string out(128, '\0');
    std::size_t size = out.size();
    if (EVP_PKEY_sign_init(context.get()) != 1 ||
        EVP_PKEY_sign(context.get(), reinterpret_cast<unsigned char*>(out.data()), &size,
                      reinterpret_cast<const unsigned char*>(digest.data()), digest.size()) != 1)
        return Error(Errc::invalid, "cannot sign");
    out.resize(size);
    return out;
}

// The serial number of what a client gets that asks for this name; 0 when the handshake fails.
long seen(const tls::Context& context, const char* server_name) {
    const Owned<SSL_CTX, SSL_CTX_free> client_context(SSL_CTX_new(TLS_client_method()));
    const Owned<SSL, SSL_free> client(SSL_new(client_context.get())), server(SSL_new(context.native()));
    if (server_name) SSL_set_tlsext_host_name(client.get(), server_name);
    BIO *left = nullptr, *right = nullptr;
    BIO_new_bio_pair(&left, 65536, &right, 65536);
    SSL_set_bio(client.get(), left, left);
    SSL_set_bio(server.get(), right, right);
    int a = 0, b = 0;
    for (int turn = 0; turn < 10 && (a != 1 || b != 1); ++turn) {
        a = SSL_connect(client.get());
        b = SSL_accept(server.get());
    }
    const X509Ptr got(SSL_get1_peer_certificate(client.get()));
    return got && a == 1 && b == 1 ? ASN1_INTEGER_get(X509_get0_serialNumber(got.get())) : 0;
}

std::shared_ptr<const tls::Context> context_of(const std::vector<tls::Certificate>& certificates) {
    auto context = tls::Context::server(certificates, "smtp", sign);
    REQUIRE(context.ok());
    return *context;
}

} // namespace

TEST_CASE("a client gets the certificate that names what it asks for") {
    const auto context = context_of({{"default", certificate(1, "DNS:mx.example.org")},
                                     {"two", certificate(2, "DNS:mail.example.net,DNS:IMAP.example.net")},
                                     {"wild", certificate(3, "DNS:*.example.com,DNS:example.com")},
                                     {"one below the wildcard", certificate(4, "DNS:mail.example.com")}});
    const std::pair<const char*, long> cases[] = {
        {nullptr, 1},               {"mx.example.org", 1},        {"mail.example.net", 2},  {"imap.example.net", 2},
        {"MAIL.Example.NET", 2},    {"any.example.com", 3},       {"example.com", 3},       {"mail.example.com", 4},
        {"a.b.example.com", 1},     // a wildcard is one label
        {"unknown.example", 1},     {"subject.example", 1},       // the subject names nobody
        {"com", 1},                 {"*.example.com", 3},
    };
    for (const auto& [name, serial] : cases) {
        INFO((name ? name : "no name"));
        CHECK(seen(*context, name) == serial);
    }
}

TEST_CASE("of two certificates with one name the one that ends later is shown") {
    const auto old_first = context_of({{"default", certificate(1, "")}, {"old", certificate(2, "DNS:a.example", 100)}, {"new", certificate(3, "DNS:a.example", 200)}});
    const auto new_first = context_of({{"default", certificate(1, "")}, {"new", certificate(3, "DNS:a.example", 200)}, {"old", certificate(2, "DNS:a.example", 100)}});
    CHECK(seen(*old_first, "a.example") == 3);
    CHECK(seen(*new_first, "a.example") == 3);
}

TEST_CASE("a certificate that cannot be used is left out, the others serve; it is an error when none is left") {
    log::set_level(log::Level::error);
    const auto context = context_of({{"broken", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
                                     {"empty", ""}, {"good", certificate(7, "DNS:a.example", 50)}});
    CHECK(seen(*context, "a.example") == 7);
    CHECK(seen(*context, nullptr) == 7);
    REQUIRE(context->validities().size() == 1);
    CHECK(context->validities()[0].name == "good");
    CHECK(std::abs(context->validities()[0].not_after - (std::time(nullptr) + 50)) < 30);
    CHECK_FALSE(tls::Context::server({{"empty", ""}}, "smtp", sign).ok());
}

TEST_CASE("what is wrong with a certificate is said before it is used") {
    const std::string good = certificate(1, "DNS:a.example");
    const auto any_key = [](const ipc::KeyName&) { return true; };
    CHECK(tls::fault_of(good, any_key).empty());
    CHECK(tls::fault_of("", any_key) == "no certificate in the file");
    CHECK(tls::fault_of(good, [](const ipc::KeyName&) { return false; }) == "none of the private keys belongs to it");
    // Self-signed ones issue each other as far as names go; one with another subject does not.
    const X509Ptr other(X509_new());
    X509_NAME_add_entry_by_txt(X509_get_subject_name(other.get()), "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("other"), -1, -1, 0);
    X509_set_issuer_name(other.get(), X509_get_subject_name(other.get()));
    X509_gmtime_adj(X509_getm_notBefore(other.get()), 0);
    X509_gmtime_adj(X509_getm_notAfter(other.get()), 60);
    X509_set_pubkey(other.get(), key());
    X509_sign(other.get(), key(), EVP_sha256());
    const Owned<BIO, BIO_free> bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), other.get());
    char* text = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &text);
    CHECK(tls::fault_of(good + std::string(text, static_cast<std::size_t>(size)), any_key).find("not in order") != std::string::npos);
}

TEST_CASE("a ticket is good while its key is kept: two rotations, not three") {
    ipc::TicketKeys keys;
    auto rotate = [&keys, next = std::uint8_t{1}]() mutable {
        ipc::TicketKey made{};
        made.name[0] = made.cipher[0] = made.mac[0] = next++;
        ipc::add_ticket_key(keys, made);
    };
    rotate();
    auto context = tls::Context::server({{"default", certificate(1, "")}}, "smtp", sign, &keys);
    REQUIRE(context.ok());
    using Session = Owned<SSL_SESSION, SSL_SESSION_free>;
    const Owned<SSL_CTX, SSL_CTX_free> client_context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_max_proto_version(client_context.get(), TLS1_2_VERSION);
    const auto connect = [&](const Session& session) {           // was it resumed, and the session to resume next
        const Owned<SSL, SSL_free> client(SSL_new(client_context.get())), server(SSL_new((*context)->native()));
        if (session) SSL_set_session(client.get(), session.get());
        BIO *left = nullptr, *right = nullptr;
        BIO_new_bio_pair(&left, 65536, &right, 65536);
        SSL_set_bio(client.get(), left, left);
        SSL_set_bio(server.get(), right, right);
        int a = 0, b = 0;
        for (int turn = 0; turn < 10 && (a != 1 || b != 1); ++turn) {
            a = SSL_connect(client.get());
            b = SSL_accept(server.get());
        }
        REQUIRE((a == 1 && b == 1));
        SSL_shutdown(client.get());                              // or the session is not for use again
        return std::pair(SSL_session_reused(client.get()) == 1, Session(SSL_get1_session(client.get())));
    };
    const auto first = connect(nullptr);
    CHECK_FALSE(first.first);
    CHECK(connect(first.second).first);
    rotate();
    const auto renewed = connect(first.second);
    CHECK(renewed.first);
    rotate();
    CHECK(connect(first.second).first);
    rotate();
    CHECK_FALSE(connect(first.second).first);
    CHECK(connect(renewed.second).first);                // sealed anew with the key of its time
}

TEST_CASE("each front shows its own default first, then the directory's") {
    const std::vector<ipc::Bundled> all{{"smtp.tls_cert", "s"}, {"api.tls_cert", "a"}, {"/dir/one.pem", "1"}, {"/dir/two.pem", "2"}};
    const std::vector<ipc::Bundled> no_defaults{{"/dir/one.pem", "1"}};
    const auto names = [](std::string_view section, const std::vector<ipc::Bundled>& of) {
        std::string out;
        for (const tls::Certificate& c : tls::shown_by(section, of)) out += c.chain_pem;
        return out;
    };
    CHECK(names("smtp", all) == "s12");
    CHECK(names("imap", all) == "s12");
    CHECK(names("api", all) == "a12");
    CHECK(names("smtp", no_defaults) == "1");
    CHECK(names("api", no_defaults).empty());
}
