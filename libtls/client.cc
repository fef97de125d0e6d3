#include "libtls/client.h"

#include "libtls/authorities.h"
#include "libtls/sessions.h"

#include <algorithm>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace postern::tls {
namespace {

constexpr std::size_t tlsa_head = 3;
constexpr std::uint8_t dane_ta = 2, dane_ee = 3;

Error openssl_error(std::string what) {
    char text[256];
    ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
    ERR_clear_error();
    return Error(Errc::invalid, std::move(what) + ": " + text);
}

bool expect_names(SSL* ssl, const std::vector<std::string>& names) {
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
    for (const std::string& name : names)
        if (SSL_add1_host(ssl, name.c_str()) != 1) return false;
    return true;
}

bool expect_dane(SSL* ssl, const ServerIdentity& server) {
    if (SSL_dane_enable(ssl, server.names.front().c_str()) <= 0) return false;
    // RFC 7672 section 3.1.1: a key that the DNS names needs no name in its certificate.
    SSL_dane_set_flags(ssl, DANE_FLAG_NO_DANE_EE_NAMECHECKS);
    for (std::size_t i = 1; i < server.names.size(); ++i)
        if (SSL_add1_host(ssl, server.names[i].c_str()) != 1) return false;
    int usable = 0;
    for (const Tlsa& record : server.tlsa)
        usable += SSL_dane_tlsa_add(ssl, record.usage, record.selector, record.matching,
                                    reinterpret_cast<const unsigned char*>(record.data.data()), record.data.size()) > 0;
    return usable > 0;
}

bool expect_proof(SSL* ssl, const ServerIdentity& server) {
    switch (server.proof) {
    case ServerIdentity::Proof::nothing: return true;
    case ServerIdentity::Proof::certificate: return !server.names.empty() && expect_names(ssl, server.names);
    case ServerIdentity::Proof::dane: return !server.names.empty() && expect_dane(ssl, server);
    }
    return false;
}

// Each part with its length, so that no two servers have one key.
std::string session_key(const ServerIdentity& server, std::string_view place) {
    std::string key;
    const auto add = [&key](std::string_view part) { key.append(std::to_string(part.size())).append(":").append(part); };
    add(place);
    add(server.server_name);
    add(std::to_string(static_cast<int>(server.proof)));
    add(server.binding ? "binding" : "");
    for (const std::string& name : server.names) add(name);
    std::vector<std::string> records;                            // their order means nothing, and is another each time
    for (const auto& [usage, selector, matching, data] : server.tlsa)
        records.push_back(std::string{static_cast<char>(usage), static_cast<char>(selector), static_cast<char>(matching)} + data);
    std::sort(records.begin(), records.end());
    for (const std::string& record : records) add(record);
    return key;
}

// All but a few are ways in which a chain leads to nobody we trust.
CertificateFault kind_of(long fault) {
    switch (fault) {
    case X509_V_OK: return CertificateFault::none;
    case X509_V_ERR_CERT_HAS_EXPIRED: return CertificateFault::expired;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH: return CertificateFault::other_host;
    case X509_V_ERR_DANE_NO_MATCH: return CertificateFault::no_tlsa_match;
    default: return CertificateFault::not_trusted;
    }
}

} // namespace

void SslRelease::operator()(ssl_st* ssl) const noexcept { SSL_free(ssl); }

std::optional<Tlsa> parse_tlsa(std::string_view rdata) {
    if (rdata.size() <= tlsa_head) return std::nullopt;
    return Tlsa{static_cast<std::uint8_t>(rdata[0]), static_cast<std::uint8_t>(rdata[1]), static_cast<std::uint8_t>(rdata[2]),
                std::string(rdata.substr(tlsa_head))};
}

bool is_usable(const Tlsa& record) {
    constexpr std::size_t digest_size[] = {0, 32, 64};           // the certificate or key itself, SHA-256, SHA-512
    if ((record.usage != dane_ta && record.usage != dane_ee) || record.selector > 1 || record.matching > 2) return false;
    return record.matching == 0 || record.data.size() == digest_size[record.matching];
}

std::string_view to_string(Authentication authentication) {
    constexpr std::string_view names[] = {"none", "unverified", "verified", "dane-ta", "dane-ee"};
    return names[static_cast<std::size_t>(authentication)];
}

Result<std::shared_ptr<const ClientContext>> ClientContext::make(std::string_view authorities_pem, std::size_t max_sessions) {
    std::shared_ptr<SSL_CTX> native(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    if (!native) return openssl_error("make a TLS context");
    SSL_CTX_set_min_proto_version(native.get(), TLS1_2_VERSION);
    SSL_CTX_set_options(native.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(native.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_dane_enable(native.get()) != 1) return openssl_error("enable DANE");
    SSL_CTX_set1_cert_store(native.get(), read_authorities(authorities_pem).get());
    std::shared_ptr<Sessions> sessions = max_sessions == 0 ? nullptr : std::make_shared<Sessions>(max_sessions);
    if (sessions) keep_sessions(native.get());
    return std::shared_ptr<const ClientContext>(new ClientContext(std::move(native), std::move(sessions)));
}

Result<ClientTls> ClientContext::connection(const ServerIdentity& server, std::string_view place) const {
    ClientTls ssl(SSL_new(native_.get()));
    if (!ssl) return openssl_error("make a TLS connection");
    if (!server.server_name.empty() && SSL_set_tlsext_host_name(ssl.get(), server.server_name.c_str()) != 1)
        return openssl_error("name the server");
    if (!expect_proof(ssl.get(), server)) return openssl_error("prepare the check of the server");
    const bool must = server.proof != ServerIdentity::Proof::nothing && server.binding;
    SSL_set_verify(ssl.get(), must ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    if (sessions_ && !place.empty())
        resume_session(ssl.get(), sessions_, session_key(server, place), server.proof != ServerIdentity::Proof::nothing);
    return ssl;
}

Authentication authentication_of(const ssl_st* ssl) {
    if (const Authentication before = proved_before(ssl); before != Authentication::none) return before;
    SSL* shown = const_cast<SSL*>(ssl);                          // which OpenSSL asks for and does not change
    // A proof that was asked for and is not binding is judged all the same: the name it was judged by is there then.
    const bool asked = SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE || SSL_get0_peername(shown) != nullptr;
    if (!asked || SSL_get_verify_result(ssl) != X509_V_OK) return Authentication::unverified;
    std::uint8_t usage = 0;
    if (SSL_get0_dane_tlsa(shown, &usage, nullptr, nullptr, nullptr, nullptr) < 0) return Authentication::pkix;
    return usage == dane_ee ? Authentication::dane_ee : Authentication::dane_ta;
}

PeerFault fault_of_peer(const ssl_st* ssl) {
    const long fault = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
    if (fault == X509_V_OK) return {};
    return {kind_of(fault), X509_verify_cert_error_string(fault)};
}

} // namespace postern::tls
