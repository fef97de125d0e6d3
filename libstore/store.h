// The one way to mailboxes. A Store holds accounts, an Account mailboxes, an opened Mailbox the state of its
// messages; bodies are files. Behind it stands one back end now (Maildir with a SQLite index, open_store() below);
// a second one, for several machines, can stand beside it later without a change to any session.
//
// Rules for callers:
//  - One thread, that of Options::post, uses all of this. Functions never wait for a flush of the disk: those
//    whose answer must come after one take a `done`, which is called on that thread, once, never from inside the call.
//  - Names of mailboxes are UTF-8, "/" between levels, INBOX in any case. Sets of UIDs are ascending, without
//    duplicates; UIDs in them that do not exist (any more) are passed over silently.
//  - A failure leaves everything as it was. Errc::not_found: no such mailbox or message; exists; invalid: a name
//    nobody may have; over_quota; no_space: the disk is full; corrupt, io: the log has the detail.
#pragma once

#include "libcommon/ids.h"
#include "libcommon/owned.h"
#include "libcommon/result.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postern::store {

using Uid = std::uint32_t;              // RFC 3501 section 2.3.1.1; 0 is none
using ModSeq = std::uint64_t;           // RFC 7162 section 3.1: 63 bits
using MailboxId = std::uint32_t;        // inside its account, never used again

// The system flags of RFC 3501 section 2.3.2 but \Recent, which is not a property of the message.
using Flags = std::uint8_t;
namespace flag {
constexpr Flags answered = 1, flagged = 2, deleted = 4, seen = 8, draft = 16;
constexpr Flags all = 31;
}

// Bit n is Mailbox::keywords()[n]. 64 keywords a mailbox; one more is Errc::no_space (NO [LIMIT], RFC 5530).
using Keywords = std::uint64_t;
constexpr std::size_t max_keywords = 64;

struct Message {
    Uid uid = 0;
    Flags flags = 0;
    Flags name_flags = 0;               // the store's own: what the file name says; in_new while it lies in new/
    Keywords keywords = 0;
    ModSeq modseq = 0;
    std::uint64_t size = 0;             // RFC822.SIZE: the body file's, byte for byte
    std::int64_t internal_date = 0;     // seconds since the epoch
    bool has(Flags f) const { return (flags & f) == f; }
};

// RFC 6154.
enum class SpecialUse : std::uint8_t { none, archive, drafts, junk, sent, trash };

struct MailboxInfo {
    MailboxId id = 0;
    std::string name;
    SpecialUse special_use = SpecialUse::none;
    bool subscribed = false;
};

// RFC 3501 section 6.3.10, RFC 7162 section 3.1.2.1, RFC 8438.
struct Status {
    std::uint32_t uid_validity = 0;
    Uid uid_next = 1;
    ModSeq highest_modseq = 1;
    std::uint32_t messages = 0, unseen = 0, recent = 0;
    std::uint64_t size = 0;
};

struct Usage {
    std::uint64_t bytes = 0, messages = 0;
    std::uint64_t limit_bytes = 0, limit_messages = 0;      // 0: no limit
};

struct FlagChange {
    enum class Mode : std::uint8_t { add, remove, replace } mode = Mode::add;
    Flags flags = 0;
    Keywords keywords = 0;
    std::optional<ModSeq> unchanged_since;                  // RFC 7162 section 3.1.3
};
struct FlagsSet {
    std::vector<Uid> changed;           // those whose flags are different now; the same modseq for all
    std::vector<Uid> refused;           // modified after unchanged_since: MODIFIED, RFC 7162 section 3.1.3
    ModSeq modseq = 0;
};

// What COPYUID says (RFC 4315 section 3): source[i] became target[i].
struct Copied {
    std::uint32_t uid_validity = 0;
    std::vector<Uid> source, target;
};
struct Appended {
    std::uint32_t uid_validity = 0;
    Uid uid = 0;
};

// What happened to a mailbox after a MODSEQ.
struct Changes {
    std::vector<Uid> expunged;          // ascending
    std::vector<Uid> changed;           // new, or other flags; ascending: a session knows its own last UID
    ModSeq now = 0;
};

struct Body {
    Fd file;                            // open for reading, at offset 0
    std::uint64_t size = 0;
};

// Texts computed from a body once and kept in the index: what FETCH ENVELOPE, BODYSTRUCTURE, SORT and header
// SEARCH are answered from. The store does not look into them.
struct Cached {
    std::string envelope;               // as FETCH sends it, parentheses included
    std::string body;                   // BODY
    std::string body_structure;         // BODYSTRUCTURE
    std::string header;                 // the header fields worth searching and sorting by; its form is the session's
    bool empty() const { return envelope.empty() && body.empty() && body_structure.empty() && header.empty(); }
};

class Mailbox;

// Told after any change to a mailbox, whoever made it, also itself. May be called from inside any call that
// changes the mailbox: note that there is something and ask changes_since() later, when RFC 3501 section 5.5
// allows to speak.
class Observer {
  public:
    virtual void mailbox_changed(Mailbox& mailbox) = 0;
    // The mailbox was deleted: nothing may be asked of it but its destruction. BYE, or a disconnect (RFC 2180).
    virtual void mailbox_gone(Mailbox& mailbox) = 0;

  protected:
    ~Observer() = default;
};

// One mailbox's messages, in memory, shared by all sessions that have it open: what it says is always the
// newest state. A session keeps its own list of the UIDs it told its client: that is its sequence numbers.
class Mailbox {
  public:
    virtual ~Mailbox() = default;

    virtual MailboxId id() const = 0;
    virtual const std::string& name() const = 0;            // follows a RENAME
    virtual std::uint32_t uid_validity() const = 0;
    virtual Uid uid_next() const = 0;
    virtual ModSeq highest_modseq() const = 0;

    // All messages in UID order. Valid until the next call that is not const, of anything of this account.
    virtual std::span<const Message> messages() const = 0;
    // Binary search; null when there is none. Valid as messages() is.
    virtual const Message* find(Uid uid) const = 0;

    // Messages from this UID on are \Recent for the one session that calls this (RFC 3501 section 2.3.2: SELECT
    // claims them, EXAMINE asks first_recent() only).
    virtual Uid first_recent() const = 0;
    virtual Uid claim_recent() = 0;

    virtual const std::vector<std::string>& keywords() const = 0;
    // The number of a keyword, case-insensitive; the second makes one where there is none.
    virtual std::optional<unsigned> find_keyword(std::string_view name) const = 0;
    virtual Result<unsigned> keyword(std::string_view name) = 0;

    virtual void observe(Observer& observer) = 0;
    virtual void forget(Observer& observer) = 0;

    // Cheap when nothing happened. `since` is a highest_modseq() or a Changes::now the caller kept; for one that
    // a client brings (QRESYNC) and that is older than what is remembered: nothing, and the client starts afresh.
    virtual std::optional<Changes> changes_since(ModSeq since) const = 0;

    // One transaction, whatever the number. File names follow within seconds.
    virtual Result<FlagsSet> set_flags(std::span<const Uid> uids, const FlagChange& change) = 0;

    // Takes the messages away, whatever their flags (EXPUNGE passes those that are \Deleted): out of the index
    // at once, their files kept restorable for storage.undelete_days. Returns those that were there.
    virtual Result<std::vector<Uid>> expunge(std::span<const Uid> uids) = 0;

    // Atomic: each message is in exactly one of the two mailboxes at any time, after any crash (RFC 6851
    // section 3.3). Within one account. Into the same mailbox is allowed: new UIDs.
    virtual Result<Copied> move(std::span<const Uid> uids, MailboxId target) = 0;

    // All or none (RFC 3501 section 6.4.7), durable when `done` says so.
    virtual void copy(std::span<const Uid> uids, MailboxId target, std::function<void(Result<Copied>)> done) = 0;

    // The body of a message, as the file holds it. Stays readable after an expunge.
    virtual Result<Body> open_body(Uid uid) = 0;

    // Calls back for each of these UIDs that has cached texts, in order, until it returns false. The strings may
    // be moved from.
    virtual Result<void> cached(std::span<const Uid> uids, const std::function<bool(Uid, Cached&)>& each) const = 0;
    // Kept from now on (written together with whatever is written next; lost with a crash, which costs only time).
    virtual void cache(Uid uid, Cached texts) = 0;
};

// A message on its way into a mailbox: write() it in pieces, then commit(). Destroyed before: nothing happened.
class Appending {
  public:
    virtual ~Appending() = default;
    virtual Result<void> write(std::string_view bytes) = 0;
    // File and directory are flushed before `done` says the UID; this must stay until then. Keywords by name; nothing
    // else may be called after.
    virtual void commit(Flags flags, std::span<const std::string> keywords, std::int64_t internal_date,
                        std::function<void(Result<Appended>)> done) = 0;
};

// What makes a delivery happen once: unique in the account, part of the file name (DESIGN section 5, rule 7).
struct DeliveryKey {
    QueueId id;
    std::uint16_t action = 0;
    auto operator<=>(const DeliveryKey&) const = default;
};
struct Delivery {
    DeliveryKey key;
    std::string_view mailbox;           // one that does not exist means INBOX
    std::int64_t internal_date = 0;
    std::string_view header;            // lines to prepend
    std::string_view body;              // or, when the message is large:
    int body_file = -1;                 // read from offset 0 to its end; not owned
};
struct Delivered {
    bool again = false;                 // it was here already; nothing changed, but damage was repaired
    std::string mailbox, file;          // where it went, when it was not: for the log
    std::uint32_t uid = 0;
};

class Account {
  public:
    virtual ~Account() = default;
    virtual AccountId id() const = 0;

    virtual std::vector<MailboxInfo> list() const = 0;                          // by name; INBOX always
    virtual std::optional<MailboxInfo> find(std::string_view name) const = 0;
    virtual Result<MailboxInfo> create(std::string_view name, SpecialUse special_use = SpecialUse::none) = 0;
    // Children stay (RFC 3501 section 6.3.4). INBOX: Errc::denied.
    virtual Result<void> remove(std::string_view name) = 0;
    // With its children. INBOX: its messages move to a new mailbox (RFC 3501 section 6.3.5).
    virtual Result<void> rename(std::string_view from, std::string_view to) = 0;
    // A subscription is a name, with or without a mailbox (RFC 3501 section 6.3.6).
    virtual Result<void> subscribe(std::string_view name, bool subscribed) = 0;
    virtual std::vector<std::string> subscriptions() const = 0;

    virtual Result<Status> status(MailboxId mailbox) = 0;
    // The mailbox, loaded and looked over for what other tools did to its folder; the same object for all who
    // have it open. Keep the pointer as long as it is selected.
    virtual Result<std::shared_ptr<Mailbox>> open(MailboxId mailbox) = 0;
    // The same without holding the thread: what others did to a large folder is merged in steps.
    virtual void open(MailboxId mailbox, std::function<void(Result<std::shared_ptr<Mailbox>>)> done) = 0;

    // Errc::over_quota when `expected_size` does not fit.
    virtual Result<std::unique_ptr<Appending>> append(MailboxId mailbox, std::uint64_t expected_size) = 0;

    // Creates the file; durable at the next checkpoint. Taken as long as the quota is not passed by a tenth: a full mailbox is
    // refused at RCPT, and who was told 250 there is not told otherwise for what arrived in the same moment. A key that was delivered or expunged before: `again`.
    virtual Result<Delivered> deliver(const Delivery& delivery) = 0;

    virtual Usage usage() const = 0;
    virtual Result<void> set_limits(std::uint64_t bytes, std::uint64_t messages) = 0;   // remembered for deliveries
};

class Store {
  public:
    virtual ~Store() = default;

    // Opens, or makes with its folders (Drafts, Sent, Junk, Trash, Archive), the mailboxes of an account; keep the
    // pointer as long as a session lasts. Whether there is such an account is authd's knowledge, not the store's.
    virtual Result<std::shared_ptr<Account>> account(AccountId id) = 0;

    // Makes durable all that was delivered before the call. An error: nothing of it may be counted as stored;
    // deliver it again.
    virtual void checkpoint(std::function<void(Result<void>)> done) = 0;
    virtual bool dirty() const = 0;     // is there anything a checkpoint would make durable

    // A bounded step of what may wait: flags into file names, side files, retention. Call every second or so.
    // Returns whether there is more to do now.
    virtual bool maintain() = 0;

    // After an unclean stop: deliveries that were not durable have all been tried again by now, so that a row
    // without its file stands for a message that is gone.
    virtual void replay_done() = 0;
};

struct Options {
    std::string root;                                       // an absolute path; the mail root
    std::string host = "localhost";                         // in file names: letters, digits, dot, hyphen
    std::uint32_t instance = 0, of = 1;                     // owns the accounts with id mod of == instance
    enum class Sync : std::uint8_t { file_system, each } sync = Sync::file_system;
    std::chrono::seconds undelete{14 * 86400};
    std::size_t open_accounts = 1024;                       // kept open though nobody uses them
    // This run of the machine, this_boot(). After an unclean stop within it a folder whose directories have the times its
    // row remembers is as it was; after a loss of power it need not be. 0: not known, every folder is looked over.
    std::int64_t boot = 0;
    // Runs a task on the thread that uses the store (Loop::post); without one, tests and tools: the store waits
    // for its worker inside the call and `done` is called before it returns.
    std::function<void(std::function<void()>)> post;
    std::function<void(AccountId)> changed;                 // told after a change that may be one of usage(); may be empty
    std::function<std::int64_t()> now;                      // seconds since the epoch; the system's clock if empty
};
Result<std::unique_ptr<Store>> open_store(Options options);

// What the kernel calls it, as a number; 0 where it does not say. Read while /proc is there.
std::int64_t this_boot();

} // namespace postern::store
