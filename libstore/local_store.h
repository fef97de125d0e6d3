// The Maildir back end as a whole: which accounts are open, the checkpoint, and whether the last stop was clean.
//
// <root>/owner-<instance> is locked as long as this store lives and says "epoch <n> of <N> running|clean <crc>".
// Found running, or with another N: nobody settled the accounts, so the epoch counts up, durably, before anything
// is opened; each account is looked over when it is next opened with an epoch of before.
#pragma once

#include "libstore/account.h"

#include <list>
#include <unordered_map>

namespace postern::store {

class LocalStore final : public Store {
  public:
    static Result<std::unique_ptr<Store>> open(Options options);
    ~LocalStore() override;

    Result<std::shared_ptr<Account>> account(AccountId id) override;
    void checkpoint(std::function<void(Result<void>)> done) override;
    bool dirty() const override { return context_.dirty() || !dirty_.empty(); }
    bool maintain() override;
    void replay_done() override { context_.replay_done = true; }

  private:
    struct Kept {
        std::shared_ptr<LocalAccount> account;
        std::list<AccountId>::iterator used;
    };

    LocalStore() = default;
    Result<void> take_ownership();
    Result<void> write_owner(std::string_view state);
    void close_unused();
    void commit_some(std::vector<AccountId> accounts, std::function<void()> then);

    Context context_;
    Fd owner_;
    std::unordered_map<AccountId, Kept> accounts_;
    std::list<AccountId> used_;                         // the last used first
    std::set<AccountId> dirty_;
    AccountId upkeep_next_ = 0;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace postern::store
