// What the journal says: one record is one fact about the queue. Records are cumulative: the last one about a
// recipient replaces what was known, so replaying some of them twice, or an old one before a copy, ends the same.
//
// On disk a record is framed as length (4), CRC-32C of what follows (4), type (1), body in libcommon's codec.
// A type grows at its end only (added() of libcommon/codec.h): a journal of any version before is read, and so is one
// that a later version wrote as long as it used nothing new.
#pragma once

#include "ipc/queue.h"

#include <variant>

namespace postern::qmgr {

// How a recipient ended; `waiting` has not.
enum class Outcome : std::uint8_t { waiting, delivered, bounced, discarded, deleted, corrupt };
constexpr Outcome last_enumerator(Outcome) { return Outcome::corrupt; }

// The conservation account, in recipients: accepted + expanded = all the others + what waits.
struct Totals {
    std::uint64_t accepted = 0, expanded = 0;
    std::uint64_t delivered = 0, bounced = 0, discarded = 0, deleted = 0, corrupt = 0;

    std::int64_t waiting() const;
    void count(Outcome outcome, std::uint64_t recipients);
    Totals& operator+=(const Totals& other);
    bool operator==(const Totals&) const = default;
    static auto fields(auto& m) {
        return std::tie(m.accepted, m.expanded, m.delivered, m.bounced, m.discarded, m.deleted, m.corrupt);
    }
};

// What became of the recipient is known, and only its report is not written: it is never delivered again.
constexpr bool is_decided(ipc::RecipientState state) {
    return state == ipc::RecipientState::failed || state == ipc::RecipientState::delivered;
}

// What only few recipients have.
struct RecipientNote {
    Text<255> remote;                  // the host that said `error`; empty: we
    bool delay_told = false;           // the sender has had a report that it takes longer
    Text<300> next_hop;                // set by an operator, instead of what the routes say
    std::optional<ipc::EnvelopeRecipient> instead;      // of the envelope's, by an operator, too
    bool released = false;             // by an operator: no hold rule takes it again
    std::int64_t last_attempt = 0;     // seconds since the epoch: a report that is written again says the same time
    bool operator==(const RecipientNote&) const = default;
    static auto fields(auto& m) { return std::tie(m.remote, m.delay_told, m.next_hop, m.instead, m.released, m.last_attempt); }
};
struct IndexedNote {
    std::uint32_t index = 0;
    RecipientNote note;
    bool operator==(const IndexedNote&) const = default;
    static auto fields(auto& m) { return std::tie(m.index, m.note); }
};
// Filled from the recipients when a record is written, and put back into them when it is read: nobody else looks at it.
using RecipientNotes = List<IndexedNote, ipc::max_recipients>;

// All that is known of one recipient beside its envelope.
struct RecipientRecord {
    std::uint32_t index = 0;
    ipc::RecipientState state = ipc::RecipientState::queued;
    Outcome outcome = Outcome::waiting;
    std::uint32_t attempts = 0;
    std::int64_t next_attempt = 0;     // seconds since the epoch
    std::uint8_t deaths = 0;           // of agents that held nothing else: rule 11
    Text<16> code;                     // RFC 3463
    Text<512> error;
    RecipientNote note;                // travels beside: this struct is inside records and cannot grow
    bool operator==(const RecipientRecord&) const = default;
    static auto fields(auto& m) {
        return std::tie(m.index, m.state, m.outcome, m.attempts, m.next_attempt, m.deaths, m.code, m.error);
    }
};
using RecipientRecords = List<RecipientRecord, ipc::max_recipients>;

// A body in large/: named by a number drawn when smtpd opened it, because a queue id is known only once the
// record that refers to it has its place.
struct LargeBody {
    std::uint64_t name = 0;
    std::uint64_t size = 0;
    std::uint32_t crc = 0;
    bool operator==(const LargeBody&) const = default;
    static auto fields(auto& m) { return std::tie(m.name, m.size, m.crc); }
};

// Rule 6: the record that accepts a child also says what became of the parent's recipients.
struct Parent {
    QueueId id;
    RecipientRecords recipients;
    RecipientNotes notes;
    bool operator==(const Parent&) const = default;
    static auto fields(auto& m) { return std::tie(m.id, m.recipients, m.notes); }
};

// Gives the memory back; assigning an empty string keeps it.
inline void release(std::string& text) { std::string().swap(text); }

// A message; its queue id is the place of this record.
struct Accepted {
    std::int64_t arrived = 0;          // seconds since the epoch
    ipc::Envelope envelope;
    std::optional<LargeBody> large;    // or the body is here
    std::optional<Parent> parent;
    Text<ipc::max_inline_body> body;
    bool operator==(const Accepted&) const = default;
    // What only a delivery needs, which reads the record again.
    void forget_content() {
        release(body.value);
        release(envelope.trace_head.value);
        release(envelope.trace_tail.value);
    }
    static auto fields(auto& m) { return std::tie(m.arrived, m.envelope, m.large, m.parent, m.body); }
    static auto added(auto& m) { return std::tie(m.envelope.extensions, m.envelope.forwarded, m.envelope.tls_report); }
};

struct Changed {
    QueueId id;
    bool copy = false;                 // carried forward from an older segment: counted there already
    RecipientRecords recipients;
    RecipientNotes notes;
    bool operator==(const Changed&) const = default;
    static auto fields(auto& m) { return std::tie(m.id, m.copy, m.recipients); }
    static auto added(auto& m) { return std::tie(m.notes); }
};

// Every recipient of these messages that still waited has ended, in the same way.
struct FinishedMessage {
    QueueId id;
    std::uint16_t recipients = 0;      // that ended by this record
    bool operator==(const FinishedMessage&) const = default;
    static auto fields(auto& m) { return std::tie(m.id, m.recipients); }
};
struct Finished {
    static constexpr std::size_t max_messages = 4096;
    Outcome outcome = Outcome::delivered;
    List<FinishedMessage, max_messages> messages;
    bool operator==(const Finished&) const = default;
    static auto fields(auto& m) { return std::tie(m.outcome, m.messages); }
};

// A whole message in a file of deferred/ or hold/.
struct Kept {
    QueueId id;
    Accepted message;
    RecipientRecords recipients;       // that are no longer as they were accepted
    RecipientNotes notes;
    bool operator==(const Kept&) const = default;
    // The message's own fields, one by one: what it adds is behind them all, and what came after the notes behind those.
    static auto fields(auto& m) {
        return std::tuple_cat(std::tie(m.id), Accepted::fields(m.message), std::tie(m.recipients));
    }
    static auto added(auto& m) {
        return std::tie(m.message.envelope.extensions, m.message.envelope.forwarded, m.notes, m.message.envelope.tls_report);
    }
};

// In the order of RecordType, from 1.
using JournalRecord = std::variant<Accepted, Changed, Finished, Kept>;
enum class RecordType : std::uint8_t { accepted = 1, changed, finished, kept };

// What a record adds to the account.
Totals tally(const JournalRecord& record);

void append_frame(std::string& out, const JournalRecord& record);

struct Frame {
    RecordType type{};
    std::string_view body;
    std::size_t size = 0;              // of the whole frame
};
constexpr std::size_t frame_header = 9;
// The frame at the start of `bytes`; Errc::corrupt when it does not check.
Result<Frame> read_frame(std::string_view bytes);
Result<JournalRecord> decode_record(const Frame& frame);

} // namespace postern::qmgr
