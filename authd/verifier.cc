#include "authd/verifier.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace postern::authd {
namespace {

// The dummy needs the right cost, salt and length, not a password: any bytes are the hash of something unknown.
std::string unknowable(const HashCost& cost) {
    PasswordHash dummy{cost, std::string(16, '\0'), std::string(32, '\0')};
    random_bytes(dummy.salt.data(), dummy.salt.size());
    random_bytes(dummy.hash.data(), dummy.hash.size());
    return to_phc(dummy);
}

} // namespace

Verifier::Verifier(HashPool& pool, HashCost cost, std::chrono::milliseconds remember)
    : pool_(pool), cost_(cost), remember_(remember), dummy_(unknowable(cost)) {
    random_bytes(secret_.data(), secret_.size());
}

// Lengths go in, so that no two questions share their bytes.
Verifier::Key Verifier::key_of(AccountId account, std::string_view stored, std::string_view password) const {
    const std::uint64_t head[] = {account, stored.size(), password.size()};
    std::string question(reinterpret_cast<const char*>(head), sizeof head);
    question.append(stored).append(password);
    Key key{};
    unsigned length = 0;
    HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
         reinterpret_cast<const unsigned char*>(question.data()), question.size(), key.data(), &length);
    OPENSSL_cleanse(question.data(), question.size());
    return key;
}

bool Verifier::remembered(const Whose& whose, const Key& key, Time now) {
    const auto known = known_.find(whose);
    if (known == known_.end()) return false;
    if (now >= known->second.until) {
        known_.erase(known);
        return false;
    }
    return CRYPTO_memcmp(known->second.key.data(), key.data(), key.size()) == 0;
}

void Verifier::verify(AccountId account, std::string_view stored, Password password, Time now, Done done,
                      std::uint64_t app_password) {
    auto hash = stored.empty() ? Result<AnyHash>(Error(Errc::not_found, "no password")) : parse_hash(stored);
    const Whose whose{account, app_password};
    const bool real = account != 0 && hash.ok();
    if (!real) hash = parse_hash(dummy_);
    const Key key = key_of(account, real ? stored : std::string_view(dummy_), password->view());
    if (real && remembered(whose, key, now)) return done(Answer::right);

    auto& waiting = running_[key];
    waiting.push_back(std::move(done));
    if (waiting.size() > 1) return;

    auto right = std::make_shared<bool>(false);
    const bool taken = pool_.submit(
        [password, right, hash = std::move(*hash)] { *right = verify_password(password->view(), hash); },
        [this, whose, key, real, right, now] { finished(whose, key, real && *right, now); });
    if (taken) return;
    auto refused = running_.extract(key);
    for (Done& each : refused.mapped()) each(Answer::unavailable);
}

void Verifier::finished(const Whose& whose, const Key& key, bool right, Time asked) {
    if (right) {
        if (known_.size() >= max_remembered) known_.clear();
        known_.insert_or_assign(whose, Known{key, asked + remember_});
    }
    auto waiting = running_.extract(key);
    for (Done& done : waiting.mapped()) done(right ? Answer::right : Answer::wrong);
}

template <class Made, class Work>
void Verifier::compute(Password password, Work work, std::function<void(Result<Made>)> done) {
    auto result = std::make_shared<Result<Made>>(Error(Errc::unavailable, "not hashed"));
    auto answer = std::make_shared<std::function<void(Result<Made>)>>(std::move(done));
    const bool taken = pool_.submit([password, result, work, cost = cost_] { *result = work(password->view(), cost); },
                                    [result, answer] { (*answer)(std::move(*result)); });
    if (!taken) (*answer)(Error(Errc::unavailable, "too many passwords are being checked"));
}

void Verifier::hash(Password password, std::function<void(Result<std::string>)> done) {
    compute<std::string>(std::move(password), hash_password, std::move(done));
}

void Verifier::derive(Password password, std::function<void(Result<StoredPassword>)> done) {
    compute<StoredPassword>(std::move(password), authd::derive, std::move(done));
}

bool Verifier::needs_rehash(std::string_view stored) const {
    const auto hash = parse_phc(stored);
    return !hash || !(hash->cost == cost_);
}

void Verifier::forget(AccountId account) {
    known_.erase(known_.lower_bound({account, 0}), known_.lower_bound({account + 1, 0}));
}

} // namespace postern::authd
