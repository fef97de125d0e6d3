#include "libtls/provider.h"

#include "libcommon/log.h"
#include "libcommon/text.h"

#include <cstring>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>

namespace postern::tls {
namespace {

// A key: its public half lives in the default provider, its name and the way to its private half here.
struct RemoteKey {
    PublicKey public_key;
    ipc::KeyName name{};
    Signer signer;
    std::string algorithm;   // "EC", "RSA", "ED25519"
};

// One signature in the making.
struct Signing {
    RemoteKey* key = nullptr;
    Owned<EVP_MD_CTX, EVP_MD_CTX_free> digest;
    std::string digest_name;
    bool pss = false;
    std::string message;     // Ed25519 signs the message itself
};

using AnyFunction = void (*)();
template <class F> AnyFunction dispatch(F* function) { return reinterpret_cast<AnyFunction>(function); }

// remote_key() leaves what import() needs to complete a key: both run on the one thread of the loop.
struct Importing {
    const ipc::KeyName* name = nullptr;
    const Signer* signer = nullptr;
};
thread_local Importing importing;

// ---- key management

template <const char* const& Algorithm> void* new_key(void*) {
    auto* key = new RemoteKey;
    key->algorithm = Algorithm;
    return key;
}
void free_key(void* key) { delete static_cast<RemoteKey*>(key); }

int has(const void* data, int) { return static_cast<const RemoteKey*>(data)->public_key != nullptr; }

int match(const void* left, const void* right, int) {
    return EVP_PKEY_eq(static_cast<const RemoteKey*>(left)->public_key.get(),
                       static_cast<const RemoteKey*>(right)->public_key.get()) == 1;
}

int import(void* data, int, const OSSL_PARAM params[]) {
    auto* key = static_cast<RemoteKey*>(data);
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(
        EVP_PKEY_CTX_new_from_name(nullptr, key->algorithm.c_str(), "provider=default"));
    EVP_PKEY* made = nullptr;
    if (!context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, const_cast<OSSL_PARAM*>(params)) != 1)
        return 0;
    key->public_key.reset(made);
    if (importing.name) {
        key->name = *importing.name;
        key->signer = *importing.signer;
    }
    return 1;
}

const OSSL_PARAM* import_types(int) {
    static const OSSL_PARAM types[] = {OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
                                       OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0),
                                       OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, nullptr, 0),
                                       OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, nullptr, 0), OSSL_PARAM_END};
    return types;
}

// The public half only: what OpenSSL compares with the certificate.
int export_key(void* data, int selection, OSSL_CALLBACK* take, void* argument) {
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0) return 0;
    OSSL_PARAM* params = nullptr;
    if (EVP_PKEY_todata(static_cast<RemoteKey*>(data)->public_key.get(), EVP_PKEY_PUBLIC_KEY, &params) != 1) return 0;
    const int taken = take(params, argument);
    OSSL_PARAM_free(params);
    return taken;
}

int get_key_params(void* data, OSSL_PARAM params[]) {
    return EVP_PKEY_get_params(static_cast<RemoteKey*>(data)->public_key.get(), params);
}
const OSSL_PARAM* gettable_key_params(void*) {
    static const OSSL_PARAM gettable[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, nullptr), OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, nullptr),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, nullptr), OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, nullptr, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, nullptr, 0), OSSL_PARAM_END};
    return gettable;
}

const char* ec_signature_name(int) { return "ECDSA"; }

constexpr const char* ec = "EC";
constexpr const char* rsa = "RSA";
constexpr const char* ed25519 = "ED25519";

#define POSTERN_KEY_FUNCTIONS(algorithm)                                                                              \
    {OSSL_FUNC_KEYMGMT_NEW, dispatch(new_key<algorithm>)}, {OSSL_FUNC_KEYMGMT_FREE, dispatch(free_key)},              \
        {OSSL_FUNC_KEYMGMT_HAS, dispatch(has)}, {OSSL_FUNC_KEYMGMT_MATCH, dispatch(match)},                           \
        {OSSL_FUNC_KEYMGMT_IMPORT, dispatch(import)}, {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, dispatch(import_types)},       \
        {OSSL_FUNC_KEYMGMT_EXPORT, dispatch(export_key)}, {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, dispatch(import_types)},   \
        {OSSL_FUNC_KEYMGMT_GET_PARAMS, dispatch(get_key_params)},                                                     \
        {OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, dispatch(gettable_key_params)}

const OSSL_DISPATCH ec_keys[] = {POSTERN_KEY_FUNCTIONS(ec),
                                 {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, dispatch(ec_signature_name)},
                                 {0, nullptr}};
const OSSL_DISPATCH rsa_keys[] = {POSTERN_KEY_FUNCTIONS(rsa), {0, nullptr}};
const OSSL_DISPATCH ed25519_keys[] = {POSTERN_KEY_FUNCTIONS(ed25519), {0, nullptr}};
#undef POSTERN_KEY_FUNCTIONS

// ---- signing

void* new_signing(void*, const char*) { return new Signing; }
void free_signing(void* data) { delete static_cast<Signing*>(data); }

int set_signing_params(void* data, const OSSL_PARAM params[]) {
    auto* signing = static_cast<Signing*>(data);
    const OSSL_PARAM* padding = params ? OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE) : nullptr;
    if (!padding) return 1;
    int number = 0;
    if (padding->data_type == OSSL_PARAM_UTF8_STRING) {
        signing->pss = std::strcmp(static_cast<const char*>(padding->data), OSSL_PKEY_RSA_PAD_MODE_PSS) == 0;
    } else if (OSSL_PARAM_get_int(padding, &number) == 1) {
        signing->pss = number == RSA_PKCS1_PSS_PADDING;
    }
    return 1;
}
const OSSL_PARAM* settable_signing_params(void*, void*) {
    static const OSSL_PARAM settable[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, nullptr, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, nullptr, 0), OSSL_PARAM_END};
    return settable;
}

int sign_init(void* data, const char* digest_name, void* key, const OSSL_PARAM params[]) {
    auto* signing = static_cast<Signing*>(data);
    signing->key = static_cast<RemoteKey*>(key);
    signing->message.clear();
    if (signing->key->algorithm != ed25519) {
        signing->digest_name = digest_name ? digest_name : "SHA256";
        const Owned<EVP_MD, EVP_MD_free> method(EVP_MD_fetch(nullptr, signing->digest_name.c_str(), nullptr));
        signing->digest.reset(EVP_MD_CTX_new());
        if (!method || !signing->digest || EVP_DigestInit_ex2(signing->digest.get(), method.get(), nullptr) != 1) return 0;
    }
    return set_signing_params(data, params);
}

int sign_update(void* data, const unsigned char* bytes, std::size_t size) {
    auto* signing = static_cast<Signing*>(data);
    if (signing->digest) return EVP_DigestUpdate(signing->digest.get(), bytes, size);
    signing->message.append(reinterpret_cast<const char*>(bytes), size);
    return 1;
}

struct SchemeRow {
    std::string_view algorithm, digest;
    bool pss;
    ipc::SignatureScheme scheme;
};
constexpr SchemeRow schemes[] = {
    {"EC", "SHA256", false, ipc::SignatureScheme::ecdsa_sha256},
    {"EC", "SHA384", false, ipc::SignatureScheme::ecdsa_sha384},
    {"EC", "SHA512", false, ipc::SignatureScheme::ecdsa_sha512},
    {"RSA", "SHA256", true, ipc::SignatureScheme::rsa_pss_sha256},
    {"RSA", "SHA384", true, ipc::SignatureScheme::rsa_pss_sha384},
    {"RSA", "SHA512", true, ipc::SignatureScheme::rsa_pss_sha512},
    {"RSA", "SHA256", false, ipc::SignatureScheme::rsa_pkcs1_sha256},
    {"RSA", "SHA384", false, ipc::SignatureScheme::rsa_pkcs1_sha384},
    {"RSA", "SHA512", false, ipc::SignatureScheme::rsa_pkcs1_sha512},
};

const SchemeRow* scheme_of(const Signing& signing) {
    std::string digest;
    for (char c : signing.digest_name)
        if (c != '-' && c != '2') digest.push_back(c);            // SHA2-256 and SHA-256 are SHA256
    if (signing.digest_name.find("256") != std::string::npos) digest = "SHA256";
    for (const SchemeRow& row : schemes)
        if (row.algorithm == signing.key->algorithm && row.digest == digest && row.pss == signing.pss) return &row;
    return nullptr;
}

int ask(Signing& signing, ipc::SignatureScheme scheme, std::string_view input, unsigned char* out, std::size_t* size,
        std::size_t room) {
    auto signature = signing.key->signer(signing.key->name, scheme, input);
    if (!signature) {
        log::warning("tls.signature.failed", {{"session", "handshake"}, {"why", signature.error().message()}});
        return 0;
    }
    if (signature->size() > room) return 0;
    std::memcpy(out, signature->data(), signature->size());
    *size = signature->size();
    return 1;
}

int sign_final(void* data, unsigned char* out, std::size_t* size, std::size_t room) {
    auto* signing = static_cast<Signing*>(data);
    if (!out) {
        *size = static_cast<std::size_t>(EVP_PKEY_get_size(signing->key->public_key.get()));
        return 1;
    }
    if (!signing->digest) return ask(*signing, ipc::SignatureScheme::ed25519, signing->message, out, size, room);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    const SchemeRow* row = scheme_of(*signing);
    if (!row || EVP_DigestFinal_ex(signing->digest.get(), digest, &digest_size) != 1) return 0;
    return ask(*signing, row->scheme, {reinterpret_cast<char*>(digest), digest_size}, out, size, room);
}

int sign_whole(void* data, unsigned char* out, std::size_t* size, std::size_t room, const unsigned char* bytes,
               std::size_t count) {
    if (!out) return sign_final(data, nullptr, size, 0);
    return sign_update(data, bytes, count) == 1 && sign_final(data, out, size, room) == 1;
}

const OSSL_DISPATCH signatures[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, dispatch(new_signing)},
    {OSSL_FUNC_SIGNATURE_FREECTX, dispatch(free_signing)},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, dispatch(sign_init)},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, dispatch(sign_update)},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, dispatch(sign_final)},
    {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, dispatch(sign_whole)},
    {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, dispatch(set_signing_params)},
    {OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, dispatch(settable_signing_params)},
    {0, nullptr}};

// ---- the provider

constexpr const char* properties = "provider=postern";
const OSSL_ALGORITHM key_algorithms[] = {{"EC:id-ecPublicKey", properties, ec_keys, nullptr},
                                         {"RSA:rsaEncryption", properties, rsa_keys, nullptr},
                                         {"ED25519", properties, ed25519_keys, nullptr},
                                         {nullptr, nullptr, nullptr, nullptr}};
const OSSL_ALGORITHM signature_algorithms[] = {{"ECDSA", properties, signatures, nullptr},
                                               {"RSA:rsaEncryption", properties, signatures, nullptr},
                                               {"ED25519", properties, signatures, nullptr},
                                               {nullptr, nullptr, nullptr, nullptr}};

const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) {
    *no_cache = 0;
    if (operation == OSSL_OP_KEYMGMT) return key_algorithms;
    if (operation == OSSL_OP_SIGNATURE) return signature_algorithms;
    return nullptr;
}
const OSSL_DISPATCH provider_functions[] = {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, dispatch(query)}, {0, nullptr}};

int initialise(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out, void** context) {
    static char here;
    *context = &here;
    *out = provider_functions;
    return 1;
}

using Provider = Owned<OSSL_PROVIDER, OSSL_PROVIDER_unload>;

// Loaded once, unloaded before OpenSSL's own clean-up at exit.
bool load_provider() {
    static const bool known = OSSL_PROVIDER_add_builtin(nullptr, "postern", &initialise) == 1;
    static const Provider standard(OSSL_PROVIDER_load(nullptr, "default"));
    static const Provider ours(known ? OSSL_PROVIDER_load(nullptr, "postern") : nullptr);
    return standard && ours;
}

const char* algorithm_of(EVP_PKEY* key) {
    for (const char* name : {ec, rsa, ed25519})
        if (EVP_PKEY_is_a(key, name)) return name;
    return nullptr;
}

} // namespace

Result<PublicKey> remote_key(EVP_PKEY* public_key, const ipc::KeyName& name, Signer signer) {
    const char* algorithm = algorithm_of(public_key);
    if (!algorithm) return Error(Errc::unsupported, "a certificate key that is neither EC, RSA nor Ed25519");
    if (!load_provider()) return Error(Errc::io, "OpenSSL refused the provider");
    OSSL_PARAM* params = nullptr;
    if (EVP_PKEY_todata(public_key, EVP_PKEY_PUBLIC_KEY, &params) != 1)
        return Error(Errc::invalid, "the certificate's key cannot be read");
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, algorithm, properties));
    EVP_PKEY* made = nullptr;
    importing = {&name, &signer};
    const bool ok = context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                    EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_KEYPAIR, params) == 1;
    importing = {};
    OSSL_PARAM_free(params);
    if (!ok) return Error(Errc::invalid, "the certificate's key was not taken over");
    return PublicKey(made);
}

} // namespace postern::tls
