#include "libtls/context.h"

#include "libcommon/log.h"
#include "libcommon/text.h"
#include "libtls/provider.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unordered_map>

namespace postern::tls {

using X509Ptr = Owned<X509, X509_free>;
using Bio = Owned<BIO, BIO_free>;
using Native = std::shared_ptr<SSL_CTX>;

struct Context::Shared {
    struct Named {
        Native native;
        std::int64_t not_after;
    };
    std::string alpn;                                           // length-prefixed, as on the wire
    std::unordered_map<std::string, Named> by_name;             // lower case; "*.example.org" for all just below it
    const ipc::TicketKeys* tickets = nullptr;
};

namespace {

Error openssl_error(std::string what) {
    char text[256];
    ERR_error_string_n(ERR_peek_last_error(), text, sizeof text);
    ERR_clear_error();
    return Error(Errc::invalid, std::move(what) + ": " + text);
}

Result<std::vector<X509Ptr>> parse_chain(std::string_view pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
    std::vector<X509Ptr> chain;
    while (X509* certificate = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) chain.emplace_back(certificate);
    ERR_clear_error();                                          // the end of the file is reported as an error
    if (chain.empty()) return Error(Errc::invalid, "no certificate in the file");
    return chain;
}

ipc::KeyName name_of_key(X509* leaf) {
    unsigned char* der = nullptr;
    const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
    ipc::KeyName name{};
    if (size > 0) SHA256(der, static_cast<std::size_t>(size), name.data());
    OPENSSL_free(der);
    return name;
}

// RFC 9325: TLS 1.2 with forward secrecy and authenticated encryption only, TLS 1.3 as it comes.
constexpr const char* tls12_ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!SHA1";

int choose_alpn(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size, void* data) {
    const auto& ours = static_cast<const Context::Shared*>(data)->alpn;
    unsigned char* chosen = nullptr;
    const int found = SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                                            static_cast<unsigned>(ours.size()), in, in_size);
    *out = chosen;
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

// RFC 9525 section 6.3: a wildcard stands for the whole first label, and for nothing else.
Native certificate_for(const Context::Shared& shared, const std::string& server_name) {
    auto found = shared.by_name.find(server_name);
    if (found == shared.by_name.end()) {
        const auto dot = server_name.find('.');
        if (dot != std::string::npos) found = shared.by_name.find("*" + server_name.substr(dot));
    }
    return found == shared.by_name.end() ? nullptr : found->second.native;
}

int choose_certificate(SSL* ssl, int*, void* data) {
    const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    if (!name) return SSL_TLSEXT_ERR_OK;
    if (const Native native = certificate_for(*static_cast<const Context::Shared*>(data), ascii_lower(name)))
        SSL_set_SSL_CTX(ssl, native.get());
    return SSL_TLSEXT_ERR_OK;                                   // an unknown name gets the default certificate
}

// Seals a new ticket with the newest key; one sealed with a former key opens and is renewed (RFC 5077 section 4).
int choose_ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int sealing) {
    const auto* shared = static_cast<const Context::Shared*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
    const ipc::TicketKeys& keys = *shared->tickets;
    auto key = keys.begin();
    if (!sealing)
        key = std::find_if(keys.begin(), keys.end(), [&](const auto& k) { return CRYPTO_memcmp(k.name, name, sizeof k.name) == 0; });
    if (key == keys.end()) return 0;                            // none of ours: a full handshake
    if (sealing) {
        std::memcpy(name, key->name, sizeof key->name);
        if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
    }
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, const_cast<std::uint8_t*>(key->mac), sizeof key->mac),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};
    if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher, iv, sealing) != 1 ||
        EVP_MAC_CTX_set_params(mac, parameters) != 1)
        return -1;
    return sealing || key == keys.begin() ? 1 : 2;
}

// The DNS names of a certificate, lower case, from its subjectAltName; the subject itself names nobody (RFC 9525 section 2).
std::vector<std::string> names_of(X509* leaf) {
    std::vector<std::string> names;
    const Owned<GENERAL_NAMES, GENERAL_NAMES_free> all(
        static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf, NID_subject_alt_name, nullptr, nullptr)));
    for (int i = 0; all && i < sk_GENERAL_NAME_num(all.get()); ++i) {
        const GENERAL_NAME* name = sk_GENERAL_NAME_value(all.get(), i);
        if (name->type != GEN_DNS) continue;
        const auto* text = reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName));
        names.push_back(ascii_lower({text, static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))}));
    }
    return names;
}

std::int64_t not_after(X509* leaf) {
    std::tm time{};
    return ASN1_TIME_to_tm(X509_get0_notAfter(leaf), &time) == 1 ? ::timegm(&time) : 0;
}

Result<Native> make_native(const std::vector<X509Ptr>& chain, Context::Shared* shared, const Signer& signer) {
    Native native(SSL_CTX_new(TLS_server_method()), SSL_CTX_free);
    if (!native) return openssl_error("make a TLS context");
    SSL_CTX_set_min_proto_version(native.get(), TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(native.get(), tls12_ciphers);
    SSL_CTX_set_options(native.get(), SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                          SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(native.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(native.get(), SSL_SESS_CACHE_OFF);      // stateless tickets only
    static constexpr unsigned char session_context[] = "postern";
    SSL_CTX_set_session_id_context(native.get(), session_context, sizeof session_context - 1);
    SSL_CTX_set_num_tickets(native.get(), 1);
    if (shared->tickets) {
        SSL_CTX_set_app_data(native.get(), shared);
        SSL_CTX_set_tlsext_ticket_key_evp_cb(native.get(), choose_ticket_key);
    }
    SSL_CTX_set_alpn_select_cb(native.get(), choose_alpn, shared);
    SSL_CTX_set_tlsext_servername_callback(native.get(), choose_certificate);
    SSL_CTX_set_tlsext_servername_arg(native.get(), shared);

    X509* leaf = chain.front().get();
    if (SSL_CTX_use_certificate(native.get(), leaf) != 1) return openssl_error("use the certificate");
    for (std::size_t i = 1; i < chain.size(); ++i)
        if (SSL_CTX_add1_chain_cert(native.get(), chain[i].get()) != 1) return openssl_error("use the chain");
    auto key = remote_key(X509_get0_pubkey(leaf), name_of_key(leaf), signer);
    if (!key) return key.error();
    if (SSL_CTX_use_PrivateKey(native.get(), key->get()) != 1) return openssl_error("use the key");
    return native;
}

// Of two with one name the one that lasts longer: where renewals have other file names, the old one is still about.
void add_names(Context::Shared& shared, X509* leaf, const Native& native) {
    for (std::string& name : names_of(leaf)) {
        Context::Shared::Named& named = shared.by_name[std::move(name)];
        if (!named.native || named.not_after < not_after(leaf)) named = {native, not_after(leaf)};
    }
}

} // namespace

Context::Context() : shared_(std::make_unique<Shared>()) {}
Context::~Context() = default;

Result<std::shared_ptr<const Context>> Context::server(const std::vector<Certificate>& certificates, std::string_view alpn,
                                                       Signer signer, const ipc::TicketKeys* tickets) {
    const std::shared_ptr<Context> context(new Context);
    context->shared_->alpn = std::string(1, static_cast<char>(alpn.size())) + std::string(alpn);
    context->shared_->tickets = tickets && !tickets->empty() ? tickets : nullptr;
    for (const Certificate& certificate : certificates) {
        auto chain = parse_chain(certificate.chain_pem);
        auto native = chain ? make_native(*chain, context->shared_.get(), signer) : Result<Native>(chain.error());
        if (!native) {
            log::error("tls.certificate.refused", {{"certificate", certificate.name}, {"why", native.error().message()}});
            continue;
        }
        if (!context->default_) context->default_ = *native;
        add_names(*context->shared_, chain->front().get(), *native);
        context->validities_.push_back({certificate.name, not_after(chain->front().get())});
    }
    if (!context->default_) return Error(Errc::not_found, "no certificate that can be used");
    return std::shared_ptr<const Context>(context);
}

std::string fault_of(std::string_view chain_pem, const std::function<bool(const ipc::KeyName&)>& has_key) {
    auto chain = parse_chain(chain_pem);
    if (!chain) return chain.error().message();
    X509* leaf = chain->front().get();
    const auto unused = [](const ipc::KeyName&, ipc::SignatureScheme, std::string_view) -> Result<std::string> {
        return Error(Errc::unsupported, "nothing is signed here");
    };
    if (auto key = remote_key(X509_get0_pubkey(leaf), name_of_key(leaf), unused); !key) return key.error().message();
    if (!has_key(name_of_key(leaf))) return "none of the private keys belongs to it";
    for (std::size_t i = 1; i < chain->size(); ++i)
        if (X509_check_issued((*chain)[i].get(), (*chain)[i - 1].get()) != X509_V_OK)
            return "the chain is not in order: each certificate is followed by that of its issuer";
    return {};
}

Result<ipc::KeyName> key_name_of(std::string_view chain_pem) {
    auto chain = parse_chain(chain_pem);
    if (!chain) return chain.error();
    return name_of_key(chain->front().get());
}

} // namespace postern::tls
