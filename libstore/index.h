// index.db, one per account: what is known of each message without opening it. All its SQL is here.
//
//   mailbox    one row each; the account's usage is their sum, so counters change in the row's own transaction
//   message    small and often changed: SELECT reads it whole, STORE 1:* rewrites it
//   file       the base of the file name
//   cache      ENVELOPE and BODYSTRUCTURE texts: large, written once
//   delivery   key -> id. When no message has that id, its user expunged it: the tombstone that stops a replay
//   expunged   UIDs that are gone, by MODSEQ (RFC 7162, VANISHED)
//   retained   expunged messages whose files can be restored; moved = 0 until the file is in retention/
//
// An id is mailbox << 32 | UID: a mailbox's messages are one range of each table, in UID order.
// WAL with synchronous=NORMAL: a commit does not flush; what is flushed, and when, is the store's checkpoint.
#pragma once

#include "libstore/sql.h"
#include "libstore/store.h"

namespace postern::store {

using RowId = std::int64_t;
constexpr RowId row_id(MailboxId mailbox, Uid uid) { return static_cast<RowId>(mailbox) << 32 | uid; }
constexpr MailboxId mailbox_of(RowId id) { return static_cast<MailboxId>(id >> 32); }
constexpr Uid uid_of(RowId id) { return static_cast<Uid>(id & 0xFFFFFFFF); }
constexpr MailboxId max_mailbox_id = 0x7FFFFFFF;

struct MailboxRow {
    MailboxId id = 0;
    std::string name;                   // empty: deleted, its files are on their way to retention
    std::string directory;              // below the account's; empty for INBOX
    std::uint32_t uid_validity = 0;
    Uid uid_next = 1;
    ModSeq modseq = 1;
    ModSeq forgotten = 0;               // changes before it are not known any more
    SpecialUse special_use = SpecialUse::none;
    Uid first_recent = 1;
    std::uint32_t messages = 0, unseen = 0;
    std::uint64_t bytes = 0;
    std::uint64_t checksum = 0;         // sum of row_hash() of its messages: finds a flipped bit
    // What the folder looked like when this row was written: another look means somebody else was there.
    std::int64_t new_modified = 0, cur_modified = 0;    // 0: not known
    std::uint64_t side_bytes = 0;
    // How far the side file got.
    ModSeq side_modseq = 0;
    Uid side_uid = 0;
};
std::uint64_t row_hash(const Message& message);

struct FileRow {
    Uid uid = 0;
    std::string base;
};
struct RetainedRow {
    RowId id = 0;
    std::string base;
    Flags name_flags = 0;
    bool moved = false;
};

// Changes columns of a range of messages: flags = (flags & keep) | set, keywords likewise.
struct FlagUpdate {
    Flags keep = flag::all, set = 0;
    Keywords keep_keywords = ~Keywords{0}, set_keywords = 0;
    ModSeq modseq = 0;
};

class Index {
  public:
    static constexpr int version = 2;

    // Errc::corrupt: not a database, or not ours.
    static Result<Index> open(const std::string& path);
    // Looks through the tables that matter; slow, after an unclean stop only.
    Result<void> check();

    // Folds the WAL of an index back into its database, over a connection of its own: that flushes, so it runs on
    // the worker's thread. SQLite does it inside a commit only when nobody came by for long.
    static Result<void> fold_wal(const std::string& path);
    static constexpr int fold_wal_pages = 400, fold_wal_at_once = 4000;
    int wal_pages() const { return db_.wal_pages(); }
    void forget_wal_pages() { db_.forget_wal_pages(); }

    Result<void> begin();
    Result<void> commit();
    void rollback();

    Result<std::int64_t> meta(std::string_view key, std::int64_t otherwise);
    Result<void> put_meta(std::string_view key, std::int64_t value);

    Result<std::vector<MailboxRow>> mailboxes();
    Result<void> put_mailbox(const MailboxRow& row);
    Result<void> drop_mailbox(MailboxId id);

    struct Keyword { MailboxId mailbox; unsigned number; std::string name; };
    Result<std::vector<Keyword>> keywords();
    Result<void> put_keyword(const Keyword& keyword);
    Result<std::vector<std::string>> subscriptions();
    Result<void> put_subscription(std::string_view name, bool subscribed);

    Result<std::vector<Message>> messages(MailboxId mailbox);
    Result<std::vector<Message>> messages_from(MailboxId mailbox, Uid first);
    Result<std::optional<Message>> message(RowId id);
    Result<void> put_message(RowId id, const Message& message);
    Result<void> update_flags(RowId first, RowId last, const FlagUpdate& update);
    Result<void> put_name_flags(RowId id, Flags name_flags);

    Result<void> put_file(RowId id, std::string_view base);
    Result<std::string> base(RowId id);                             // Errc::not_found
    Result<std::vector<FileRow>> files(MailboxId mailbox);

    Result<std::optional<RowId>> delivery(const DeliveryKey& key);
    Result<void> put_delivery(const DeliveryKey& key, RowId id);
    Result<void> add_delivery(const DeliveryKey& key, RowId id);    // keeps one that is there
    Result<void> drop_delivery(const DeliveryKey& key);

    // Forgets messages, into expunged and, if `retain`, into retained.
    Result<void> expunge(RowId first, RowId last, ModSeq modseq, std::int64_t now, bool retain);
    // One message gets another id, all rows with it; the old one is expunged.
    Result<void> renumber(RowId from, const Message& as, RowId to, ModSeq from_modseq);
    Result<std::vector<Uid>> expunged_since(MailboxId mailbox, ModSeq since);
    // Forgets the oldest of them, some at a time, where there are more than `kept`: the MODSEQ up to which nothing is
    // known any more, 0 if all is.
    Result<ModSeq> forget_expunged(MailboxId mailbox, std::size_t kept, std::size_t at_once);

    Result<std::optional<RetainedRow>> retained(RowId id);
    Result<std::vector<RetainedRow>> retained_all();
    Result<void> put_retained(const RetainedRow& row, std::int64_t now);      // found in retention/ by a rebuild
    Result<std::vector<RetainedRow>> retained_unmoved(std::size_t limit);
    Result<std::vector<RetainedRow>> retained_before(std::int64_t time, std::size_t limit);
    Result<void> put_retained_moved(RowId id, bool moved);
    Result<void> drop_retained(RowId id);

    Result<void> cached(RowId first, RowId last, const std::function<bool(Uid, Cached&)>& each);
    Result<void> put_cached(RowId id, const Cached& texts);

  private:
    explicit Index(Sql db) : db_(std::move(db)) {}
    Result<bool> above_all(const DeliveryKey& key);
    void note_key(const DeliveryKey& key);

    Sql db_;
    std::optional<std::string> newest_;                             // no key in `delivery` is above it; once asked for
};

} // namespace postern::store
