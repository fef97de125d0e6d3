// HMAC with its first half done ahead needs MD5's own state, which OpenSSL's newer interface does not give.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "authd/cram_md5.h"

#include "ipc/auth.h"
#include "libcommon/text.h"

#include <algorithm>

#include <openssl/crypto.h>
#include <openssl/md5.h>

namespace postern::authd {
namespace {

constexpr std::size_t block = MD5_CBLOCK;
constexpr std::string_view prefix = "CRAM-MD5$";
using State = CramVerifier::State;

State state_after(std::array<unsigned char, block> key, unsigned char pad) {
    for (unsigned char& c : key) c ^= pad;
    MD5_CTX md5;
    MD5_Init(&md5);
    MD5_Update(&md5, key.data(), key.size());
    const State state{md5.A, md5.B, md5.C, md5.D};
    OPENSSL_cleanse(key.data(), key.size());
    OPENSSL_cleanse(&md5, sizeof md5);
    return state;
}

std::string digest_from(const State& state, std::string_view message) {
    MD5_CTX md5;
    MD5_Init(&md5);
    md5.A = state[0], md5.B = state[1], md5.C = state[2], md5.D = state[3];
    md5.Nl = block * 8;          // bits so far
    MD5_Update(&md5, message.data(), message.size());
    std::string digest(MD5_DIGEST_LENGTH, '\0');
    MD5_Final(reinterpret_cast<unsigned char*>(digest.data()), &md5);
    return digest;
}

std::string bytes_of(const State& state) {
    std::string out;
    for (const std::uint32_t word : state)
        for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(word >> shift));
    return out;
}
State state_of(std::string_view in) {
    State state{};
    for (std::size_t i = 0; i < 16; ++i) state[i / 4] |= static_cast<std::uint32_t>(static_cast<unsigned char>(in[i])) << (i % 4 * 8);
    return state;
}

} // namespace

std::string to_text(const CramVerifier& v) { return std::string(prefix) + to_hex(bytes_of(v.inner) + bytes_of(v.outer)); }

Result<CramVerifier> parse_cram(std::string_view text) {
    const auto states = text.starts_with(prefix) ? from_hex(text.substr(prefix.size())) : std::nullopt;
    if (!states || states->size() != 32) return Error(Errc::invalid, "not a CRAM-MD5 verifier");
    return CramVerifier{state_of(states->substr(0, 16)), state_of(states->substr(16))};
}

CramVerifier make_cram(std::string_view password) {
    std::array<unsigned char, block> key{};
    if (password.size() > block) MD5(reinterpret_cast<const unsigned char*>(password.data()), password.size(), key.data());
    else std::copy(password.begin(), password.end(), key.begin());
    const CramVerifier made{state_after(key, 0x36), state_after(key, 0x5C)};
    OPENSSL_cleanse(key.data(), key.size());
    return made;
}

std::string cram_digest(const CramVerifier& v, std::string_view challenge) {
    return to_hex(digest_from(v.outer, digest_from(v.inner, challenge)));
}

// "user digest": the name may hold blanks, the digest does not.
Exchange::Step CramExchange::respond(std::string_view response) {
    if (!std::exchange(challenged_, true)) return response.empty() ? Step(Challenge{challenge_}) : Step(Malformed{});
    const auto blank = response.rfind(' ');
    if (blank == response.npos || blank == 0 || blank > decltype(ipc::Login::username)::limit) return Malformed{};
    const auto username = response.substr(0, blank);
    const auto digest = from_hex(ascii_lower(response.substr(blank + 1)));
    if (!digest || digest->size() != MD5_DIGEST_LENGTH || !is_utf8(username)) return Malformed{};
    const auto verifier = verifier_of_(username);
    if (!verifier) return Unavailable{verifier.error().message()};
    const std::string expected = cram_digest(*verifier, challenge_);
    const std::string given = to_hex(*digest);
    if (CRYPTO_memcmp(expected.data(), given.data(), expected.size()) != 0) return Denied{"password"};
    return Proven{};
}

} // namespace postern::authd
