// qmgr has delivery reports written by the bounce agent (RFC 3464): it never parses or writes content itself.
#pragma once

#include "ipc/queue.h"

namespace postern::ipc {

// RFC 3464 section 2.3.3, in that order.
enum class ReportAction : std::uint8_t { failed, delayed, delivered, relayed, expanded };
constexpr ReportAction last_enumerator(ReportAction) { return ReportAction::expanded; }
constexpr std::string_view to_string(ReportAction action) {
    constexpr std::string_view names[] = {"failed", "delayed", "delivered", "relayed", "expanded"};
    return names[static_cast<std::size_t>(action)];
}

struct ReportRecipient {
    Address forward_path;            // as the sender gave it
    Address address;                 // where it went in the end
    OriginalRecipient original;      // ORCPT, decoded
    ReportAction action = ReportAction::failed;
    Text<16> status;                 // RFC 3463: "5.1.1"
    Text<512> diagnostic;            // the remote reply, or our own words; printable
    Text<255> remote_mta;            // who said it; empty: we
    std::int64_t last_attempt = 0;   // seconds since the epoch
    std::int64_t retry_until = 0;    // of a delay: when it is given up
    static auto fields(auto& m) {
        return std::tie(m.forward_path, m.address, m.original, m.action, m.status, m.diagnostic, m.remote_mta, m.last_attempt,
                        m.retry_until);
    }
};

struct ComposedReport {
    static constexpr auto type = MessageType::composed_report;
    bool composed = false;           // else reason says why, and it is tried again
    bool smtputf8 = false;           // it needs SMTPUTF8 on its way (RFC 6533)
    BodyKind body_kind = BodyKind::seven_bit;
    Text<max_inline_body> message;   // header and body, CRLF line ends, without trace header
    Text<256> reason;
    static auto fields(auto& m) { return std::tie(m.composed, m.smtputf8, m.body_kind, m.message, m.reason); }
};
struct ComposeReport {
    static constexpr auto type = MessageType::compose_report;
    using Reply = ComposedReport;
    QueueId id;                      // of the message spoken of; makes Message-ID and boundary, the same ones each time
    TraceId trace;
    Address reverse_path;            // its sender, as it came
    Address to;                      // who is told: the sender, or postmaster when there is none
    std::int64_t arrived = 0;        // seconds since the epoch
    EnvelopeId envelope_id;
    DsnReturn ret = DsnReturn::unsaid;
    bool smtputf8 = false;           // of the message
    BodyKind body_kind = BodyKind::seven_bit;
    bool large = false;              // the body is the descriptor that comes with the frame, read-only
    List<ReportRecipient, max_recipients> recipients;
    TraceHeader trace_header;        // with the queue id, CRLF line ends; the first part of its header
    Text<max_inline_body> body;
    static auto fields(auto& m) {
        return std::tie(m.id, m.trace, m.reverse_path, m.to, m.arrived, m.envelope_id, m.ret, m.smtputf8, m.body_kind, m.large,
                        m.recipients, m.trace_header, m.body);
    }
};

} // namespace postern::ipc
