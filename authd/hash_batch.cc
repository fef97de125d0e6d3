#include "authd/hash_batch.h"

#include "authd/app_password.h"
#include "authd/saslprep.h"

namespace postern::authd {
namespace {

class Batch : public std::enable_shared_from_this<Batch> {
  public:
    Batch(Verifier& verifier, std::function<void(Result<std::vector<StoredPassword>>)> done)
        : verifier_(verifier), done_(std::move(done)) {}

    void add(ipc::NewAccount& account) {
        made_.push_back({.hash = account.hash.value, .scram = {}, .cram_md5 = {}});
        passwords_.push_back(account.password.empty()
                                 ? nullptr
                                 : std::make_shared<const Secret>(std::move(account.password.value)));
    }

    void step() {
        while (!failed_ && running_ < verifier_.threads() && next_ < passwords_.size()) {
            const std::size_t index = next_++;
            if (!passwords_[index]) continue;
            ++running_;
            verifier_.derive(std::move(passwords_[index]),
                           [self = shared_from_this(), index](Result<StoredPassword> made) { self->derived(index, made); });
        }
        if (running_ == 0 && done_) std::exchange(done_, nullptr)(failed_ ? Result<std::vector<StoredPassword>>(*failed_)
                                                                         : std::move(made_));
    }

  private:
    void derived(std::size_t index, const Result<StoredPassword>& made) {
        --running_;
        if (made) made_[index] = *made;
        else if (!failed_) failed_ = made.error();
        step();
    }

    Verifier& verifier_;
    std::function<void(Result<std::vector<StoredPassword>>)> done_;
    std::vector<StoredPassword> made_;
    std::vector<Verifier::Password> passwords_;
    std::size_t next_ = 0;
    unsigned running_ = 0;
    std::optional<Error> failed_;
};

// A password that SASLprep refuses (a NUL, which PLAIN could never send, among them) might not be typed the same twice.
Result<void> check(const ipc::NewAccount& account) {
    if (!account.password.empty() && !account.hash.empty())
        return Error(Errc::invalid, "a password or its hash, not both").with("address", account.address);
    if (!account.password.empty() && !saslprep(account.password, PrepFor::stored))
        return Error(Errc::invalid, "the password holds characters that passwords must not have (RFC 4013): control characters, "
                                    "private or unassigned ones, or a mix of writing directions")
            .with("address", account.address);
    if (as_app_password(account.password))
        return Error(Errc::invalid, "the password has the form of an app password").with("address", account.address);
    if (account.hash.empty()) return {};
    auto parsed = parse_hash(account.hash);
    if (!parsed) return parsed.error().with("address", account.address);
    return {};
}

} // namespace

void hash_all(Verifier& verifier, std::vector<ipc::NewAccount>& accounts,
              std::function<void(Result<std::vector<StoredPassword>>)> done) {
    for (auto& account : accounts) {
        account.hash = std::string(without_scheme(account.hash));
        if (auto good = check(account); !good) return done(good.error());
    }
    auto batch = std::make_shared<Batch>(verifier, std::move(done));
    for (auto& account : accounts) batch->add(account);
    batch->step();
}

} // namespace postern::authd
