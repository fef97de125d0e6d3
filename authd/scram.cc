#include "authd/scram.h"

#include "libcommon/text.h"

#include <algorithm>

#include <fmt/core.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

namespace postern::authd {
namespace {

using Key = ScramVerifier::Key;

const unsigned char* bytes(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
std::string_view text(const Key& key) { return {reinterpret_cast<const char*>(key.data()), key.size()}; }

Key hmac(const Key& key, std::string_view message) {
    Key out{};
    unsigned size = 0;
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes(message), message.size(), out.data(), &size);
    return out;
}
Key sha256(const Key& in) {
    Key out{};
    SHA256(in.data(), in.size(), out.data());
    return out;
}
Key exclusive_or(Key a, const Key& b) {
    for (std::size_t i = 0; i < a.size(); ++i) a[i] ^= b[i];
    return a;
}
std::optional<Key> key_of(std::string_view base64) {
    const auto decoded = from_base64(base64);
    Key key{};
    if (!decoded || decoded->size() != key.size()) return std::nullopt;
    std::copy(decoded->begin(), decoded->end(), key.begin());
    return key;
}

// Takes "x=value" off the front, with the comma behind it.
std::optional<std::string_view> take_attribute(std::string_view& rest, char name) {
    if (rest.size() < 2 || rest[0] != name || rest[1] != '=') return std::nullopt;
    const auto end = rest.find(',');
    const auto value = rest.substr(2, end == rest.npos ? rest.npos : end - 2);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    return value;
}

// saslname: "=2C" is a comma, "=3D" an equals sign, no other "=" is allowed.
std::optional<std::string> decode_name(std::string_view coded) {
    std::string name;
    for (std::size_t i = 0; i < coded.size(); ++i) {
        if (coded[i] != '=') {
            name.push_back(coded[i]);
            continue;
        }
        const auto code = coded.substr(i, 3);
        if (code != "=2C" && code != "=3D") return std::nullopt;
        name.push_back(code == "=2C" ? ',' : '=');
        i += 2;
    }
    if (name.empty() || name.size() > decltype(ipc::Login::username)::limit || !is_utf8(name) ||
        name.find('\0') != std::string::npos)
        return std::nullopt;
    return name;
}

constexpr std::size_t max_nonce = 256;
bool is_nonce(std::string_view nonce) {   // printable: %x21-2B / %x2D-7E
    return !nonce.empty() && nonce.size() <= max_nonce &&
           std::all_of(nonce.begin(), nonce.end(), [](char c) { return c >= '!' && c <= '~' && c != ','; });
}

Error bad() { return Error(Errc::invalid, "not a SCRAM-SHA-256 verifier"); }

// gs2-cbind-flag and authzid, up to the second comma.
bool take_header(std::string_view& rest, ScramFirst& first) {
    const auto comma = rest.find(',');
    if (comma == rest.npos) return false;
    std::string_view flag = rest.substr(0, comma);
    rest.remove_prefix(comma + 1);
    if (flag.starts_with("p=")) {
        first.binding = 'p';
        first.binding_name = flag.substr(2);
        if (first.binding_name.empty()) return false;
    } else if (flag == "n" || flag == "y") {
        first.binding = flag[0];
    } else {
        return false;
    }
    if (rest.starts_with(",")) return rest.remove_prefix(1), true;
    const bool more = rest.find(',') != rest.npos;
    const auto authorization = take_attribute(rest, 'a');
    auto name = authorization ? decode_name(*authorization) : std::nullopt;
    if (!more || !name) return false;
    first.authorization = std::move(*name);
    return true;
}

} // namespace

std::string to_text(const ScramVerifier& v) {
    return fmt::format("SCRAM-SHA-256${}:{}${}:{}", v.iterations, to_base64(v.salt), to_base64(text(v.stored_key)),
                       to_base64(text(v.server_key)));
}

Result<ScramVerifier> parse_scram(std::string_view stored) {
    const auto parts = split(stored, '$');
    if (parts.size() != 3 || parts[0] != "SCRAM-SHA-256") return bad();
    const auto cost = split(parts[1], ':'), keys = split(parts[2], ':');
    if (cost.size() != 2 || keys.size() != 2) return bad();
    const auto iterations = parse_number(cost[0], 10'000'000);
    auto salt = from_base64(cost[1]);
    const auto stored_key = key_of(keys[0]), server_key = key_of(keys[1]);
    if (!iterations || *iterations == 0 || !salt || salt->empty() || salt->size() > 64 || !stored_key || !server_key) return bad();
    return ScramVerifier{static_cast<unsigned>(*iterations), std::move(*salt), *stored_key, *server_key};
}

// RFC 5802 section 3.
ScramVerifier make_scram(std::string_view password, std::string salt, unsigned iterations) {
    ScramVerifier made{iterations, std::move(salt), {}, {}};
    Key salted{};
    PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), bytes(made.salt),
                      static_cast<int>(made.salt.size()), static_cast<int>(iterations), EVP_sha256(),
                      static_cast<int>(salted.size()), salted.data());
    Key client_key = hmac(salted, "Client Key");
    made.stored_key = sha256(client_key);
    made.server_key = hmac(salted, "Server Key");
    OPENSSL_cleanse(salted.data(), salted.size());
    OPENSSL_cleanse(client_key.data(), client_key.size());
    return made;
}

std::optional<ScramFirst> parse_scram_first(std::string_view message) {
    ScramFirst first;
    std::string_view rest = message;
    if (!take_header(rest, first)) return std::nullopt;
    first.header = message.substr(0, message.size() - rest.size());
    first.bare = rest;
    const auto coded = take_attribute(rest, 'n');        // "m=", an extension we would have to know, is none of these
    const auto nonce = coded ? take_attribute(rest, 'r') : std::nullopt;
    auto name = coded ? decode_name(*coded) : std::nullopt;
    if (!name || !nonce || !is_nonce(*nonce)) return std::nullopt;
    first.username = std::move(*name);
    first.nonce = *nonce;
    return first;                                        // what follows the nonce are extensions to be ignored
}

std::optional<ScramFinal> parse_scram_final(std::string_view message) {
    ScramFinal final;
    const auto last = message.rfind(",p=");              // the proof is the last attribute
    if (last == message.npos) return std::nullopt;
    const auto proof = key_of(message.substr(last + 3));
    final.without_proof = message.substr(0, last);
    std::string_view rest = final.without_proof;
    const auto channel = take_attribute(rest, 'c');
    const auto nonce = channel ? take_attribute(rest, 'r') : std::nullopt;
    auto decoded = channel ? from_base64(*channel) : std::nullopt;
    if (!proof || !nonce || !is_nonce(*nonce) || !decoded) return std::nullopt;
    final.channel = std::move(*decoded);
    final.nonce = *nonce;
    final.proof = *proof;
    return final;
}

Exchange::Step ScramExchange::respond(std::string_view response) {
    switch (expects_) {
    case Expects::first: return on_first(response);
    case Expects::final: return on_final(response);
    // Neither SMTP nor IMAP carries data with success: our signature was a challenge, its answer is empty.
    case Expects::confirmation: break;
    }
    if (!response.empty()) return Malformed{};
    return Proven{};
}

std::string_view ScramExchange::binding(std::string_view name) const {
    if (name == "tls-exporter") return bindings_.tls_exporter;
    if (name == "tls-server-end-point") return bindings_.tls_server_end_point;
    return {};
}

// RFC 5802 section 6. "y" although -PLUS was offered: somebody between us took it out of the list.
std::string_view ScramExchange::refusal(const ScramFirst& first) const {
    if (plus_ != (first.binding == 'p')) return "binding";
    if (plus_ && binding(first.binding_name).empty()) return "binding";
    if (first.binding == 'y' && !bindings_.empty()) return "downgrade";
    return {};
}

Exchange::Step ScramExchange::on_first(std::string_view response) {
    const auto first = parse_scram_first(response);
    if (!first) return Malformed{};
    if (const auto why = refusal(*first); !why.empty()) return Denied{why};
    auto verifier = verifier_of_(first->username, first->authorization);
    if (!verifier) return Unavailable{verifier.error().message()};
    verifier_ = std::move(*verifier);
    channel_ = std::string(first->header).append(binding(first->binding_name));
    nonce_.insert(0, first->nonce);
    std::string challenge = fmt::format("r={},s={},i={}", nonce_, to_base64(verifier_.salt), verifier_.iterations);
    first_messages_ = fmt::format("{},{},", first->bare, challenge);
    expects_ = Expects::final;
    return Challenge{std::move(challenge)};
}

Exchange::Step ScramExchange::on_final(std::string_view response) {
    const auto final = parse_scram_final(response);
    if (!final) return Malformed{};
    if (final->nonce != nonce_) return Denied{"nonce"};
    if (final->channel != channel_) return Denied{"binding"};
    const std::string messages = first_messages_ + std::string(final->without_proof);
    Key client_key = exclusive_or(final->proof, hmac(verifier_.stored_key, messages));
    const Key stored_key = sha256(client_key);
    OPENSSL_cleanse(client_key.data(), client_key.size());
    if (CRYPTO_memcmp(stored_key.data(), verifier_.stored_key.data(), stored_key.size()) != 0) return Denied{"password"};
    expects_ = Expects::confirmation;
    return Challenge{"v=" + to_base64(text(hmac(verifier_.server_key, messages)))};
}

} // namespace postern::authd
