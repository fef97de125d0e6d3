// What all accounts of one store share.
#pragma once

#include "libstore/store.h"
#include "libstore/sync_worker.h"
#include "libstore/work.h"

#include <set>

namespace postern::store {

class LocalAccount;

// A client may see a UID or MODSEQ that a power cut takes from the disk again. So that it never comes back with
// another meaning, an unclean stop skips this many, and fewer than half of them are handed out between flushes.
constexpr std::uint32_t jump = 65536;

class Context {
  public:
    ~Context() { *alive_ = false; }

    Options options;
    Fd root;
    std::int64_t epoch = 0;             // counts unclean stops; an account of another epoch is looked over
    bool replay_done = false;
    std::unique_ptr<SyncWorker> worker;

    std::int64_t now() const;

    // After the call that is running: what `done` promises. Without a loop there is no later.
    void later(std::function<void()> task) { options.post ? options.post(std::move(task)) : task(); }

    // Its first step is later, too; without a loop all of them are now.
    void carry_out(std::shared_ptr<Work> work);

    // Flushes of the whole file system, counted when they start. A change is on disk once a flush that started
    // after it has ended well.
    std::uint64_t started() const { return started_; }
    bool flushed(std::uint64_t changed_at) const { return flushed_ > changed_at; }
    std::uint64_t flush(std::function<void(Result<void>)> done);        // its number
    Result<void> flush_now();           // waits: only where handing out numbers must stop otherwise

    // Something a flush would make durable has happened.
    void touched() { changed_ = true; }
    bool dirty() const { return changed_; }

    // Directories were made: what is written below them needs a flush of everything to be found again.
    void structure_changed() { structure_at_ = started_; touched(); }
    bool structure_flushed() const { return flushed(structure_at_); }

    // Deliveries since the last good flush. When one fails, their files may be damaged behind the cache's back:
    // the redelivery writes them again (DESIGN section 5, rule 8).
    struct Delivered {
        AccountId account = 0;
        DeliveryKey key;
        auto operator<=>(const Delivered&) const = default;
    };
    void delivered(AccountId account, const DeliveryKey& key) { epoch_deliveries_.push_back({account, key}); }
    bool suspect(AccountId account, const DeliveryKey& key) const { return suspects_.count({account, key}) != 0; }
    void trust(AccountId account, const DeliveryKey& key) { suspects_.erase({account, key}); }

    // storage.sync: each. Files of deliveries and their directories, kept open until the checkpoint.
    bool sync_each() const { return options.sync == Options::Sync::each; }
    void keep_for_sync(Fd file) { kept_.push_back(std::move(file)); }

    std::function<void(LocalAccount&)> account_dirty;       // it has rows to commit

  private:
    void flush_ended(std::uint64_t number, std::vector<Delivered> covered, const Result<void>& result);

    std::uint64_t started_ = 1, flushed_ = 0, structure_at_ = 0;
    bool changed_ = false;
    std::vector<Delivered> epoch_deliveries_;
    std::set<Delivered> suspects_;
    std::vector<Fd> kept_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

} // namespace postern::store
