#include "authd/sasl.h"

#include "authd/address.h"
#include "authd/cram_md5.h"
#include "authd/schema.h"
#include "authd/scram.h"
#include "libcommon/ids.h"
#include "libcommon/text.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/core.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace postern::authd {
namespace {

std::string nonce() {   // 144 bits, printable and without a comma
    std::string random(18, '\0');
    random_bytes(random.data(), random.size());
    return to_base64(random);
}

// Bytes that are always the same for a name and a purpose, and that nobody can compute without the secret.
std::array<std::uint8_t, 32> derived(std::string_view secret, std::string_view purpose, std::string_view name) {
    const std::string message = std::string(purpose).append(1, '\0').append(name);
    std::array<std::uint8_t, 32> out{};
    unsigned size = 0;
    HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
         reinterpret_cast<const unsigned char*>(message.data()), message.size(), out.data(), &size);
    return out;
}

ScramVerifier nobodys_scram(std::string_view secret, std::string_view name) {
    const auto salt = derived(secret, "scram salt", name);
    return {scram_iterations, std::string(reinterpret_cast<const char*>(salt.data()), scram_salt_bytes),
            derived(secret, "scram stored key", name), derived(secret, "scram server key", name)};
}
CramVerifier nobodys_cram(std::string_view secret, std::string_view name) {
    const auto states = derived(secret, "cram-md5", name);
    CramVerifier made;
    std::memcpy(made.inner.data(), states.data(), 16);
    std::memcpy(made.outer.data(), states.data() + 16, 16);
    return made;
}

// One spelling of each name, whether it is an address or not.
std::string one_form(std::string_view username) {
    const auto mailbox = canonical(username);
    return mailbox ? mailbox->text() : ascii_lower(username);
}

} // namespace

// The account, if there is one, and the secret behind what stands in where there is none.
Result<std::string> Sasl::find(Attempt& attempt, std::string_view username, std::string_view authorization) {
    if (authorization.size() > decltype(attempt.request.authzid)::limit) authorization = "too long to be an identity";
    attempt.request.username = username;
    attempt.request.authzid = authorization;
    auto account = logins_.account_of(attempt.request);
    if (!account) return account.error();
    attempt.account = std::move(*account);
    return server_secret(db_);
}

std::unique_ptr<Exchange> Sasl::make_exchange(const ipc::SaslStart& request, Attempt& attempt) {
    const auto scram_of = [this, &attempt](std::string_view username, std::string_view authorization) -> Result<ScramVerifier> {
        const auto secret = find(attempt, username, authorization);
        if (!secret) return secret.error();
        auto nobodys = nobodys_scram(*secret, one_form(username));
        auto own = parse_scram(attempt.account.scram);
        return own ? std::move(*own) : std::move(nobodys);
    };
    const auto cram_of = [this, &attempt](std::string_view username) -> Result<CramVerifier> {
        const auto secret = find(attempt, username, {});
        if (!secret) return secret.error();
        auto nobodys = nobodys_cram(*secret, one_form(username));
        auto own = parse_cram(attempt.account.cram_md5);
        return own ? *own : nobodys;
    };
    using M = ipc::SaslMechanism;
    switch (request.mechanism) {
    case M::scram_sha_256: return std::make_unique<ScramExchange>(false, request.bindings, nonce(), scram_of);
    case M::scram_sha_256_plus: return std::make_unique<ScramExchange>(true, request.bindings, nonce(), scram_of);
    case M::cram_md5: return std::make_unique<CramExchange>(fmt::format("<{}@{}>", nonce(), hostname_), cram_of);
    case M::plain:
    case M::login: break;                                  // come as ipc::Login
    }
    return nullptr;
}

void Sasl::start(Logins::Front front, ipc::SaslStart request, Done done) {
    auto attempt = std::make_shared<Attempt>();
    attempt->begun = clock_();
    attempt->request = {request.trace, request.protocol, {}, {}, {}, request.client};
    attempt->exchange = make_exchange(request, *attempt);
    if (!attempt->exchange) return done({ipc::SaslState::malformed, 0, {}, {}, {}});
    Attempts& of_peer = attempts_[front.peer];
    if (of_peer.size() >= max_of_peer) of_peer.erase(of_peer.begin());
    const std::uint64_t id = ++last_id_;
    of_peer.emplace(id, attempt);
    advance(front, id, attempt, request.response, done);
}

void Sasl::step(const Logins::Front& front, const ipc::SaslStep& request, const Done& done) {
    const auto of_peer = attempts_.find(front.peer);
    const bool known = of_peer != attempts_.end() && of_peer->second.count(request.attempt) != 0;
    const auto attempt = known ? of_peer->second.at(request.attempt) : nullptr;
    if (!attempt || clock_() - attempt->begun >= life) {
        abort(front.peer, request.attempt);
        return done({});                                   // unavailable: the client may begin anew
    }
    advance(front, request.attempt, attempt, request.response, done);
}

void Sasl::advance(const Logins::Front& front, std::uint64_t id, const std::shared_ptr<Attempt>& attempt,
                   std::string_view response, const Done& done) {
    auto step = attempt->exchange->respond(response);
    ipc::SaslReply reply;
    reply.username = attempt->request.username;
    if (auto* challenge = std::get_if<Exchange::Challenge>(&step)) {
        reply.state = ipc::SaslState::challenge;
        reply.attempt = id;
        reply.challenge = std::move(challenge->bytes);
        return done(reply);
    }
    abort(front.peer, id);
    if (std::holds_alternative<Exchange::Malformed>(step)) {
        reply.state = ipc::SaslState::malformed;
        return done(reply);
    }
    Logins::Outcome outcome = Logins::Proven{};
    if (const auto* denied = std::get_if<Exchange::Denied>(&step)) outcome = Logins::Denied{denied->why};
    if (const auto* failed = std::get_if<Exchange::Unavailable>(&step)) outcome = Logins::Unavailable{failed->why};
    logins_.conclude(front, attempt->request, attempt->account, outcome, [reply, done](const ipc::LoginResult& result) mutable {
        reply.login = result;
        done(reply);
    });
}

void Sasl::abort(const ipc::Peer& peer, std::uint64_t attempt) {
    const auto of_peer = attempts_.find(peer);
    if (of_peer != attempts_.end()) of_peer->second.erase(attempt);
}

void Sasl::peer_closed(const ipc::Peer& peer) { attempts_.erase(peer); }

void Sasl::expire() {
    const Time now = clock_();
    for (auto& [peer, attempts] : attempts_)
        while (!attempts.empty() && now - attempts.begin()->second->begun >= life) attempts.erase(attempts.begin());
}

std::size_t Sasl::size() const {
    std::size_t all = 0;
    for (const auto& [peer, attempts] : attempts_) all += attempts.size();
    return all;
}

} // namespace postern::authd
