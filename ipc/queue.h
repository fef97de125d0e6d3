// smtpd hands a message to qmgr; the management API looks at what waits.
#pragma once

#include "ipc/auth.h"

namespace postern::ipc {

// The largest body that may travel inside a frame; queue.inline_limit may be less, never more.
constexpr std::size_t max_inline_body = 1024 * 1024;
using TraceHeader = Text<8192>;

struct EnvelopeRecipient {
    Address forward_path;            // as the client gave it: what a bounce speaks of
    AccountId account = 0;           // 0: foreign, `address` says where
    Address address;                 // delivered-to for a local one, the next hop's recipient for a foreign one
    Text<64> detail;
    bool operator==(const EnvelopeRecipient&) const = default;
    static auto fields(auto& m) { return std::tie(m.forward_path, m.account, m.address, m.detail); }
};

// What the lines of the message are: RFC 6152, RFC 3030.
enum class BodyKind : std::uint8_t { seven_bit, eight_bit, binary };
constexpr BodyKind last_enumerator(BodyKind) { return BodyKind::binary; }
constexpr std::string_view to_string(BodyKind kind) {
    constexpr std::string_view names[] = {"7bit", "8bitmime", "binarymime"};
    return names[static_cast<std::size_t>(kind)];
}

// RFC 3461: which reports about a recipient its sender wants, and how much of the message they bring along.
namespace notify {
constexpr std::uint8_t unsaid = 0, never = 1, success = 2, failure = 4, delay = 8;
}
enum class DsnReturn : std::uint8_t { unsaid, full, headers };
constexpr DsnReturn last_enumerator(DsnReturn) { return DsnReturn::headers; }
constexpr std::string_view to_string(DsnReturn ret) {
    constexpr std::string_view names[] = {"", "full", "headers"};
    return names[static_cast<std::size_t>(ret)];
}
using EnvelopeId = Text<100>;        // ENVID without its xtext, section 4.4
using OriginalRecipient = Text<500>; // ORCPT, "type;address" without its xtext, section 4.2

// Of one that has something to say.
struct RecipientDsn {
    std::uint32_t index = 0;         // of Envelope::recipients
    std::uint8_t notify = notify::unsaid;
    OriginalRecipient original;
    bool operator==(const RecipientDsn&) const = default;
    static auto fields(auto& m) { return std::tie(m.index, m.notify, m.original); }
};

// What extensions of SMTP say about a message, beside its body.
struct Extensions {
    bool smtputf8 = false;           // RFC 6531
    bool require_tls = false;        // RFC 8689
    DsnReturn ret = DsnReturn::unsaid;
    EnvelopeId envelope_id;
    std::int64_t hold_until = 0;     // RFC 4865, seconds since the epoch; 0: deliver at once
    List<RecipientDsn, max_recipients> recipients;
    bool operator==(const Extensions&) const = default;
    static auto fields(auto& m) {
        return std::tie(m.smtputf8, m.require_tls, m.ret, m.envelope_id, m.hold_until, m.recipients);
    }
};

// A recipient elsewhere to whom the message does not go with the reverse-path it came with: an address here sends it on (SRS). Reports
// of ours about it go to who sent it nevertheless.
struct Forwarded {
    std::uint32_t index = 0;         // of Envelope::recipients
    Address reverse_path;
    bool operator==(const Forwarded&) const = default;
    static auto fields(auto& m) { return std::tie(m.index, m.reverse_path); }
};

// `extensions` and what is behind it came later: whatever carries an envelope names them in its added().
struct Envelope {
    TraceId trace;
    Address reverse_path;            // empty: the null reverse-path
    List<EnvelopeRecipient, max_recipients> recipients;
    PeerAddress client;
    AccountId sender = 0;            // the authenticated account, 0 for the world
    BodyKind body = BodyKind::seven_bit;
    // The header lines to prepend, without the queue id that only qmgr knows: head + id + tail.
    TraceHeader trace_head, trace_tail;
    Extensions extensions;
    List<Forwarded, max_recipients> forwarded;
    bool tls_report = false;         // qmgr says so of what tlspolicyd submits: no policy of its destination stops it (RFC 8460 section 3)
    bool operator==(const Envelope&) const = default;
    static auto fields(auto& m) {
        return std::tie(m.trace, m.reverse_path, m.recipients, m.client, m.sender, m.body, m.trace_head, m.trace_tail);
    }
};

enum class SubmitStatus : std::uint8_t { accepted, refused, no_space, unavailable };
constexpr SubmitStatus last_enumerator(SubmitStatus) { return SubmitStatus::unavailable; }

// Sent once envelope and body are on disk, never before.
struct Submitted {
    static constexpr auto type = MessageType::submitted;
    SubmitStatus status = SubmitStatus::unavailable;
    QueueId id;
    Text<256> reason;                // for the log and the reply text
    static auto fields(auto& m) { return std::tie(m.status, m.id, m.reason); }
};
// Until when an answer helps: milliseconds of the monotonic clock, which all processes of a host share. 0: ever.
using AnswerUntil = std::int64_t;

struct Submit {
    static constexpr auto type = MessageType::submit;
    using Reply = Submitted;
    Envelope envelope;
    Handle handle;                   // of an authenticated session; needed for foreign recipients
    std::uint64_t large = 0;         // a token of LargeOpened, or 0: the body is here
    Text<max_inline_body> body;
    AnswerUntil answer_until = 0;    // who was told to send it again must not have it accepted, too
    static auto fields(auto& m) { return std::tie(m.envelope, m.handle, m.large, m.body); }
    static auto added(auto& m) { return std::tie(m.envelope.extensions, m.envelope.forwarded, m.answer_until); }
};

// A body over queue.inline_limit: qmgr opens the file and passes its descriptor with the answer; smtpd writes,
// closes it, then submits the token. Closing the channel abandons what was opened on it; a qmgr that was replaced or died
// meanwhile has a successor that still takes the token, which nobody can guess.
struct LargeOpened {
    static constexpr auto type = MessageType::large_opened;
    SubmitStatus status = SubmitStatus::unavailable;
    std::uint64_t token = 0;
    static auto fields(auto& m) { return std::tie(m.status, m.token); }
};
struct OpenLarge {
    static constexpr auto type = MessageType::open_large;
    using Reply = LargeOpened;       // with a descriptor when accepted
    TraceId trace;
    AnswerUntil answer_until = 0;    // nobody would write the file, or abandon it
    static auto fields(auto& m) { return std::tie(m.trace); }
    static auto added(auto& m) { return std::tie(m.answer_until); }
};
struct AbandonLarge {
    static constexpr auto type = MessageType::abandon_large;
    std::uint64_t token = 0;
    static auto fields(auto& m) { return std::tie(m.token); }
};

// What each recipient of a queued message is waiting for.
enum class RecipientState : std::uint8_t {
    queued,        // not tried yet
    active,        // with an agent now
    deferred,      // tried, again at next_attempt
    stored,        // in the mailbox; its record waits for the next checkpoint
    no_route,      // a foreign domain and no outbound agent: waits, visibly
    held,
    done,
    failed,
    scheduled,     // its sender asked for later: not before the envelope's hold_until
    delivered,     // it arrived, and its sender asked to be told: that report is not written yet
};
constexpr RecipientState last_enumerator(RecipientState) { return RecipientState::delivered; }
constexpr std::string_view to_string(RecipientState state) {
    constexpr std::string_view names[] = {"queued", "active", "deferred", "stored", "no-route", "held",
                                          "done", "failed", "scheduled", "delivered"};
    return names[static_cast<std::size_t>(state)];
}

struct QueueRow {
    QueueId id;
    TraceId trace;
    Address reverse_path;
    std::uint64_t size = 0;
    std::int64_t arrived = 0;        // seconds since the epoch
    std::uint32_t recipients = 0;    // that still wait
    Address first_recipient;
    RecipientState state = RecipientState::queued;   // of the first that waits
    Text<512> last_error;
    static auto fields(auto& m) {
        return std::tie(m.id, m.trace, m.reverse_path, m.size, m.arrived, m.recipients, m.first_recipient, m.state,
                        m.last_error);
    }
};
// Which messages, and which of their recipients that still wait: all that is given must hold.
struct QueueFilter {
    Text<254> sender, recipient;     // patterns, * for anything, case ignored; "<>" is the null reverse-path
    Text<254> domain;                // of the recipient's address
    Text<16> state;                  // as to_string(RecipientState)
    Text<200> error;                 // somewhere in the last error, case ignored
    std::int64_t arrived_before = 0, arrived_after = 0;      // seconds since the epoch; 0: any
    static auto conditions(auto& m) {
        return std::tie(m.sender, m.recipient, m.domain, m.state, m.error, m.arrived_before, m.arrived_after);
    }
};

struct QueueListing {
    static constexpr auto type = MessageType::queue_listing;
    List<QueueRow, 500> rows;
    std::uint64_t total = 0;         // of the whole queue
    QueueId next;                    // what to ask for as `after`; all zero: no more
    static auto fields(auto& m) { return std::tie(m.rows, m.total); }
    static auto added(auto& m) { return std::tie(m.next); }
};
struct QueueList : QueueFilter {
    static constexpr auto type = MessageType::queue_list;
    using Reply = QueueListing;
    QueueId after;                   // in id order, page by page; all zero to begin
    std::uint32_t limit = 100;
    static auto fields(auto& m) { return std::tie(m.after, m.limit); }
    static auto added(auto& m) { return conditions(m); }
};

struct QueueRecipient {
    Address forward_path, address;
    RecipientState state = RecipientState::queued;
    std::uint32_t attempts = 0;
    std::int64_t next_attempt = 0;
    Text<512> last_error;
    static auto fields(auto& m) {
        return std::tie(m.forward_path, m.address, m.state, m.attempts, m.next_attempt, m.last_error);
    }
};
struct QueueEntry {
    static constexpr auto type = MessageType::queue_entry;
    bool found = false;
    QueueRow row;
    PeerAddress client;
    AccountId sender = 0;
    List<QueueRecipient, max_recipients> recipients;
    BodyKind body = BodyKind::seven_bit;
    Extensions extensions;
    List<Forwarded, max_recipients> forwarded;
    static auto fields(auto& m) { return std::tie(m.found, m.row, m.client, m.sender, m.recipients); }
    static auto added(auto& m) { return std::tie(m.body, m.extensions, m.forwarded); }
};
struct QueueShow {
    static constexpr auto type = MessageType::queue_show;
    using Reply = QueueEntry;
    QueueId id;
    static auto fields(auto& m) { return std::tie(m.id); }
};

} // namespace postern::ipc
