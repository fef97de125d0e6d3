// One account of the Maildir back end: its mailboxes, their folders, its index, and the rows that wait to be
// written. See store.h for what it promises, index.h for the tables, folder.h for the disk.
//
// A delivery's states, and what is found after a crash in each:
//   1 `.base` written in new/          nobody was told; removed
//   2 renamed to `base`, row pending   found by its name: gets a row, and a replay finds its key there
//   3 row committed                    as 2, or the row survived; a file that is missing or short is replayed
//   4 flushed by the checkpoint        done
// An APPEND or COPY: `.base` written and flushed, or linked; row committed; renamed; row and name flushed; answered.
// Found between commit and rename, the rename is finished; before the commit, `.base` is removed.
// A MOVE: renamed; rows changed in one transaction. Found between: the index says where it came from, the folder
// where it is; the folder is right.
// An EXPUNGE: rows moved to `retained` in one transaction; renamed into retention/ some time later.
#pragma once

#include "libstore/context.h"
#include "libstore/folder.h"
#include "libstore/index.h"

#include <map>
#include <set>

namespace postern::store {

class LocalMailbox;

// A message that has its file but not yet its rows.
struct NewMessage {
    Message message;
    std::string base;
    std::optional<DeliveryKey> key;
};

// What an account keeps in memory of each of its mailboxes, opened by a session or not.
struct Box {
    MailboxRow row;
    std::vector<std::string> keywords;
    Folder folder;                      // opened when first needed
    std::vector<NewMessage> pending;
    bool dirty = false;                 // the row differs from the index
    bool look_again = false;            // somebody else was in the folder
    Look seen;
    std::uint64_t changed_at = 0;       // Context::started() at the last change
    std::uint32_t handed_out = 0;       // UIDs and MODSEQs since the last flush
    std::uint32_t handed_before = 0;    // of these, before the flush that was asked for because of them
    std::uint64_t flush = 0;            // its number; 0: none is under way
    std::int64_t side_due = 0;          // when the side file is written next
    std::int64_t unused_since = 0;      // when nobody but us had the view any more
    std::shared_ptr<LocalMailbox> view;

    bool deleted() const { return row.name.empty(); }
};

// Adds a message to the counters of a row, or takes it out.
void count_in(MailboxRow& row, const Message& message);
void count_out(MailboxRow& row, const Message& message);

// Brackets our own change of a folder, so that everybody else's is noticed. A delivery changes new/ only, and does
// not ask for the time of cur/.
class OwnChange {
  public:
    enum class Of { both, only_new };
    explicit OwnChange(Box& box, Of of = Of::both);
    ~OwnChange();
    OwnChange(const OwnChange&) = delete;

  private:
    Box& box_;
    Of of_;
};

class LocalAccount final : public Account, public std::enable_shared_from_this<LocalAccount> {
  public:
    static Result<std::shared_ptr<LocalAccount>> open(Context& context, AccountId id);
    ~LocalAccount() override;

    AccountId id() const override { return id_; }
    std::vector<MailboxInfo> list() const override;
    std::optional<MailboxInfo> find(std::string_view name) const override;
    Result<MailboxInfo> create(std::string_view name, SpecialUse special_use) override;
    Result<void> remove(std::string_view name) override;
    Result<void> rename(std::string_view from, std::string_view to) override;
    Result<void> subscribe(std::string_view name, bool subscribed) override;
    std::vector<std::string> subscriptions() const override;
    Result<Status> status(MailboxId mailbox) override;
    Result<std::shared_ptr<Mailbox>> open(MailboxId mailbox) override;
    void open(MailboxId mailbox, std::function<void(Result<std::shared_ptr<Mailbox>>)> done) override;
    Result<std::unique_ptr<Appending>> append(MailboxId mailbox, std::uint64_t expected_size) override;
    Result<Delivered> deliver(const Delivery& delivery) override;
    Usage usage() const override;
    Result<void> set_limits(std::uint64_t bytes, std::uint64_t messages) override;

    // Writes what waits in memory; nothing to do is fine.
    Result<void> commit();
    // The same between calls, where a damaged index can be rebuilt because nobody holds a part of it.
    Result<void> commit_or_recover();
    // One bounded step of what may wait; `budget` counts renames, unlinks and file writes. 0: there is more.
    void upkeep(std::size_t& budget);
    // Before the account is dropped from memory: leaves nothing that the next opening would have to look for. When
    // the store closes, side files say all; between, they may lag for what the index alone can tell later.
    void settle(bool store_closes);
    Fd wal_for_sync() const;
    // Somebody holds the account, a mailbox, or an append.
    bool in_use() const;

  private:
    friend class LocalMailbox;
    friend class LocalAppending;
    friend class Reconciler;

    LocalAccount(Context& context, AccountId id, Fd directory) : context_(context), id_(id), directory_(std::move(directory)) {}

    // Opening (account_open.cc)
    Result<void> load();
    Result<void> load_index(bool& rebuilt);
    void set_aside();
    Result<void> recover();                             // the index turned out to be damaged: builds it anew
    Result<void> adopt_folders(bool& adopted);
    Result<void> adopt_retention();
    Result<void> make_defaults();
    Result<void> settle_differences(bool unclean, bool times_hold);
    std::string index_path() const;

    // Runs `work(index)` in one transaction, after what is pending. Nothing in memory changes but that pending
    // rows count as written.
    template <class Work> Result<void> transact(Work&& work) {
        auto done = index_->begin();
        if (done) done = write_pending();
        if (done) done = work(*index_);
        if (done) done = index_->commit();
        return done ? committed() : failed(done.error());
    }
    Result<void> write_pending();
    Result<void> committed();
    Result<void> failed(const Error& error);
    MailboxRow persisted(const Box& box, MailboxRow row) const;

    Box* box(MailboxId id);
    Box* box(std::string_view canonical_name);
    const Box* box(std::string_view canonical_name) const;
    MailboxInfo info(const Box& box) const;
    Result<Box*> make_box(std::string_view canonical_name, SpecialUse special_use);
    std::string unused_directory(std::string_view canonical_name) const;
    std::uint32_t next_uid_validity();
    Result<Folder*> folder(Box& box);
    Result<LocalMailbox*> load_view(Box& box);
    Result<void> rename_inbox(const std::string& to);
    Result<void> rename_boxes(const std::string& from, const std::string& to);
    Result<void> reconcile(std::vector<Box*> boxes, bool unclean);
    Result<Box*> prepare(MailboxId mailbox);            // its rows are in memory, its folder is open
    std::vector<Box*> differing(Box& box);
    Result<std::shared_ptr<Mailbox>> opened(MailboxId mailbox);
    void open_now(MailboxId mailbox, std::function<void(Result<std::shared_ptr<Mailbox>>)> done);

    bool fits(std::uint64_t bytes, std::uint64_t messages) const;
    bool takes_delivery() const;
    void usage_changed();
    Result<unsigned> keyword(Box& box, std::string_view name);
    Keywords translate_keywords(const Box& from, Keywords keywords, Box& to);

    void touch(Box& box);                               // it handed out a UID or MODSEQ
    void mark_dirty(Box& box);
    void notify(Box& box);
    void added_to_view(Box& box, const Message& message);
    // Gives UIDs, writes the rows in one transaction, then shows them.
    Result<void> insert(Box& box, std::vector<NewMessage>& messages);
    void withdraw(MailboxId mailbox, std::span<const Uid> uids);    // what could not be flushed
    SyncJob sync_job();                                 // flushes the WAL; the caller adds files

    Result<std::string> base_of(const Box& box, Uid uid);
    Result<Fd> open_retained(Box& box, Uid uid);
    Result<Fd> open_message(Box& box, Uid uid, Flags name_flags, std::string_view base);

    // Delivery (deliver.cc)
    struct Known {
        RowId id = 0;
        bool there = false;                             // not expunged
        Flags name_flags = 0;
        std::string base;
    };
    Result<std::optional<Known>> find_delivery(const DeliveryKey& key);
    Result<Delivered> deliver_again(const Known& known, const Delivery& delivery);
    Result<void> write_file(const Folder& folder, const std::string& base, const Delivery& delivery, bool sync);

    // Upkeep (upkeep.cc)
    void fold_wal(int from_pages);
    void upkeep_view(Box& box);
    void upkeep_names(Box& box, std::size_t& budget);
    void upkeep_retention(std::size_t& budget);
    void upkeep_purge(std::size_t& budget);
    bool forget_expunged(std::size_t& budget);
    void upkeep_deleted(std::size_t& budget);
    void drop_folder(const Box& box);
    void upkeep_side(Box& box, bool now, std::size_t& budget);
    Result<void> append_side(Box& box);
    Result<void> rewrite_side(Box& box);
    std::string side_header(const Box& box) const;
    Result<Fd> retention();
    Result<bool> retain_file(const RetainedRow& row);

    Context& context_;
    AccountId id_;
    Fd directory_;
    std::optional<Index> index_;
    std::map<MailboxId, std::unique_ptr<Box>> boxes_;
    std::map<std::string, Box*, std::less<>> names_;
    std::set<std::string, std::less<>> subscriptions_;
    std::map<DeliveryKey, RowId> pending_keys_;
    std::uint64_t limit_bytes_ = 0, limit_messages_ = 0;
    std::uint32_t last_uid_validity_ = 0;
    MailboxId last_mailbox_id_ = 0;
    bool dirty_ = false;
    bool settling_ = false;
    bool damaged_ = false;              // the index failed its own checks: rebuilt before it is used again
    bool unmoved_ = true;               // retained files may still lie in their folders
    std::int64_t purge_due_ = 0;
    std::uint64_t removals_ = 0;        // counts what leaves a Box* dangling or without a mailbox
    bool folding_wal_ = false;
    bool merging_ = false;              // folders are being looked over a step at a time
    std::vector<std::function<void()>> after_merge_;
};

} // namespace postern::store
