// What others ask imapd, the one writer of an account's mailboxes. An account's owner is instance id mod N.
#pragma once

#include "ipc/queue.h"

namespace postern::ipc {

// A delivery happens once: queue id + account + action number is unique in the index and part of the file name.
struct DeliveryKey {
    QueueId id;
    AccountId account = 0;
    std::uint16_t action = 0;        // 0: the message itself; a script's further copies count up
    auto operator<=>(const DeliveryKey&) const = default;
    static auto fields(auto& m) { return std::tie(m.id, m.account, m.action); }
};

enum class StoreStatus : std::uint8_t { stored, over_quota, no_account, unavailable, no_space };
constexpr StoreStatus last_enumerator(StoreStatus) { return StoreStatus::no_space; }

struct Stored {
    static constexpr auto type = MessageType::stored;
    StoreStatus status = StoreStatus::unavailable;
    bool again = false;              // it was here already: the outcome is the first delivery's
    Text<256> reason;
    static auto fields(auto& m) { return std::tie(m.status, m.again, m.reason); }
};
// local -> imapd. Stored is said once the file has its final name; it is durable at the next checkpoint.
struct StoreMessage {
    static constexpr auto type = MessageType::store_message;
    using Reply = Stored;
    TraceId trace;
    DeliveryKey key;
    Text<1000> mailbox;              // in UTF-8; one that does not exist means INBOX
    std::int64_t arrived = 0;        // internal date, seconds since the epoch
    Text<16384> header;              // lines to prepend: Return-Path, Delivered-To, Received
    bool large = false;              // the body is the descriptor that comes with the frame
    Text<max_inline_body> body;
    static auto fields(auto& m) {
        return std::tie(m.trace, m.key, m.mailbox, m.arrived, m.header, m.large, m.body);
    }
};

// imapd -> qmgr and authd, once per channel, no answer: this instance owns accounts with id mod `of` == `instance`.
struct OwnerReady {
    static constexpr auto type = MessageType::owner_ready;
    std::uint32_t instance = 0;
    std::uint32_t of = 1;
    static auto fields(auto& m) { return std::tie(m.instance, m.of); }
};
// qmgr -> imapd, on that channel: make durable everything you said Stored to before this. Answered after syncfs.
struct CheckpointDone {
    static constexpr auto type = MessageType::checkpoint_done;
    bool durable = false;            // false: nothing may be recorded done; qmgr delivers again
    static auto fields(auto& m) { return std::tie(m.durable); }
};
struct Checkpoint {
    static constexpr auto type = MessageType::checkpoint;
    using Reply = CheckpointDone;
    std::uint64_t number = 0;
    static auto fields(auto& m) { return std::tie(m.number); }
};

// qmgr -> imapd, at most once per channel, no answer: what an earlier life of this instance said Stored to and did not
// make durable has been delivered again. Until then a row without its file may stand for a message on its way back.
struct ReplayEnded {
    static constexpr auto type = MessageType::replay_ended;
    std::uint32_t instance = 0;
    static auto fields(auto& m) { return std::tie(m.instance); }
};

// How full mailboxes are. authd -> imapd, on the channel of its OwnerReady: say it now, and by ReportUse whenever it has
// changed, as long as this channel lasts.
struct MailboxUse {
    AccountId account = 0;
    std::uint64_t bytes = 0, messages = 0;
    static auto fields(auto& m) { return std::tie(m.account, m.bytes, m.messages); }
};
constexpr std::size_t max_uses = 1000;
struct UseWatched {
    static constexpr auto type = MessageType::use_watched;
    List<MailboxUse, max_uses> uses; // of those that could be opened
    static auto fields(auto& m) { return std::tie(m.uses); }
};
struct MailboxLimits {
    std::uint64_t bytes = 0, messages = 0;           // 0: no limit
    bool operator==(const MailboxLimits&) const = default;
    static auto fields(auto& m) { return std::tie(m.bytes, m.messages); }
};
struct WatchUse {
    static constexpr auto type = MessageType::watch_use;
    using Reply = UseWatched;
    List<AccountId, max_uses> accounts;
    List<MailboxLimits, max_uses> limits;            // of each account, from now on; none: as the owner knows them
    static auto fields(auto& m) { return std::tie(m.accounts); }
    static auto added(auto& m) { return std::tie(m.limits); }
};
// imapd -> authd, no answer.
struct ReportUse {
    static constexpr auto type = MessageType::report_use;
    List<MailboxUse, max_uses> uses;
    static auto fields(auto& m) { return std::tie(m.uses); }
};

// imap-login -> imapd, with the descriptor of a plain byte stream: the client's own socket, or one end of a pair
// whose other end imap-login encrypts. imapd redeems the handle and speaks from there on.
struct SessionOpened {
    static constexpr auto type = MessageType::session_opened;
    bool ok = false;
    Text<256> reason;
    static auto fields(auto& m) { return std::tie(m.ok, m.reason); }
};
struct OpenSession {
    static constexpr auto type = MessageType::open_session;
    using Reply = SessionOpened;
    TraceId trace;
    Handle handle;
    PeerAddress client;
    Text<16> tls;                    // "TLSv1.3", empty for none
    Text<65536> pending;             // what the client pipelined behind its login
    static auto fields(auto& m) { return std::tie(m.trace, m.handle, m.client, m.tls, m.pending); }
};

} // namespace postern::ipc
