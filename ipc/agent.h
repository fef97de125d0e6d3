// qmgr and its delivery agents. An agent connects, says how much it takes at once, and gets one message's bytes
// at a time, never a segment of the journal.
#pragma once

#include "ipc/queue.h"

namespace postern::ipc {

enum class AgentKind : std::uint8_t { local, smtp_out, bounce };
constexpr AgentKind last_enumerator(AgentKind) { return AgentKind::bounce; }

// agent -> qmgr, once per channel, no answer.
struct AgentReady {
    static constexpr auto type = MessageType::agent_ready;
    AgentKind kind = AgentKind::local;
    std::uint32_t slots = 1;         // deliveries it takes at once
    static auto fields(auto& m) { return std::tie(m.kind, m.slots); }
};

enum class DeliveryStatus : std::uint8_t { delivered, deferred, failed };
constexpr DeliveryStatus last_enumerator(DeliveryStatus) { return DeliveryStatus::failed; }

struct RecipientOutcome {
    std::uint32_t index = 0;         // of DeliverRecipient
    DeliveryStatus status = DeliveryStatus::deferred;
    Text<16> code;                   // RFC 3463: "4.3.0"
    Text<512> diagnostic;            // printable, one line
    static auto fields(auto& m) { return std::tie(m.index, m.status, m.code, m.diagnostic); }
};
// What an attempt says of the destination as a whole, whatever became of the message: qmgr's limits follow it.
enum class Reach : std::uint8_t {
    unsaid,        // local, or nothing was learned
    answered,      // it took a transaction, or refused this one
    busy,          // it answered and wants less of us: 421, too many connections
    unreachable,   // no name, no connection, no greeting, broken or unacceptable TLS
};
constexpr Reach last_enumerator(Reach) { return Reach::unreachable; }

struct DeliverResult {
    static constexpr auto type = MessageType::deliver_result;
    List<RecipientOutcome, max_recipients> outcomes;
    Reach reach = Reach::unsaid;
    Text<255> remote_mta;            // the host whose replies these are: for reports
    Text<64> remote_address;         // "192.0.2.1:25"
    Text<128> tls;                   // "TLSv1.3 TLS_AES_256_GCM_SHA384 dane", empty: in clear
    bool dsn_passed = false;         // the host took NOTIFY: a report of success is its to send (RFC 3461 section 5.2.2)
    static auto fields(auto& m) { return std::tie(m.outcomes); }
    static auto added(auto& m) { return std::tie(m.reach, m.remote_mta, m.remote_address, m.tls, m.dsn_passed); }
};

struct DeliverRecipient {
    std::uint32_t index = 0;         // position in the envelope: part of the delivery key
    EnvelopeRecipient recipient;
    static auto fields(auto& m) { return std::tie(m.index, m.recipient); }
};
struct Deliver {
    static constexpr auto type = MessageType::deliver;
    using Reply = DeliverResult;
    QueueId id;
    TraceId trace;
    Address reverse_path;
    std::int64_t arrived = 0;        // seconds since the epoch
    BodyKind body_kind = BodyKind::seven_bit;
    bool large = false;              // the body is the descriptor that comes with the frame, read-only
    bool plain = false;              // agents died on it: to INBOX, no script is run (DESIGN section 5, rule 11)
    List<DeliverRecipient, max_recipients> recipients;
    TraceHeader trace_header;        // complete, queue id included, CRLF line ends
    Text<max_inline_body> body;
    Extensions extensions;           // of these recipients only, by DeliverRecipient::index
    Text<300> next_hop;              // for smtp-out: "example.com" (by its MX), "[192.0.2.1]:2525", "lmtp:[host]:24"
    bool tls_report = false;         // of the envelope
    static auto fields(auto& m) {
        return std::tie(m.id, m.trace, m.reverse_path, m.arrived, m.body_kind, m.large, m.plain, m.recipients,
                        m.trace_header, m.body);
    }
    static auto added(auto& m) { return std::tie(m.extensions, m.next_hop, m.tls_report); }
};

} // namespace postern::ipc
