#include "authd/hash_batch.h"

namespace postern::authd {
namespace {

class Batch : public std::enable_shared_from_this<Batch> {
  public:
    Batch(Verifier& verifier, std::function<void(Result<std::vector<std::string>>)> done)
        : verifier_(verifier), done_(std::move(done)) {}

    void add(ipc::NewAccount& account) {
        hashes_.emplace_back(account.hash.view());
        passwords_.push_back(account.password.empty()
                                 ? nullptr
                                 : std::make_shared<const Secret>(std::move(account.password.value)));
    }

    void step() {
        while (!failed_ && running_ < verifier_.threads() && next_ < passwords_.size()) {
            const std::size_t index = next_++;
            if (!passwords_[index]) continue;
            ++running_;
            verifier_.hash(std::move(passwords_[index]),
                           [self = shared_from_this(), index](Result<std::string> hash) { self->hashed(index, hash); });
        }
        if (running_ == 0 && done_) std::exchange(done_, nullptr)(failed_ ? Result<std::vector<std::string>>(*failed_)
                                                                         : std::move(hashes_));
    }

  private:
    void hashed(std::size_t index, const Result<std::string>& hash) {
        --running_;
        if (hash) hashes_[index] = *hash;
        else if (!failed_) failed_ = hash.error();
        step();
    }

    Verifier& verifier_;
    std::function<void(Result<std::vector<std::string>>)> done_;
    std::vector<std::string> hashes_;
    std::vector<Verifier::Password> passwords_;
    std::size_t next_ = 0;
    unsigned running_ = 0;
    std::optional<Error> failed_;
};

// RFC 4616: a password with a NUL could never be sent by SASL PLAIN.
Result<void> check(const ipc::NewAccount& account) {
    if (!account.password.empty() && !account.hash.empty())
        return Error(Errc::invalid, "a password or its hash, not both").with("address", account.address);
    if (account.password.view().find('\0') != std::string_view::npos)
        return Error(Errc::invalid, "the password holds a NUL").with("address", account.address);
    if (account.hash.empty()) return {};
    auto parsed = parse_phc(account.hash);
    if (!parsed) return parsed.error().with("address", account.address);
    return {};
}

} // namespace

void hash_all(Verifier& verifier, std::vector<ipc::NewAccount>& accounts,
              std::function<void(Result<std::vector<std::string>>)> done) {
    for (const auto& account : accounts)
        if (auto good = check(account); !good) return done(good.error());
    auto batch = std::make_shared<Batch>(verifier, std::move(done));
    for (auto& account : accounts) batch->add(account);
    batch->step();
}

} // namespace postern::authd
