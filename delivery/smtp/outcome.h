// What a reply, or our own finding, means for a recipient: delivered, tried again, or failed. Pure.
#pragma once

#include "ipc/agent.h"
#include "libmail/smtp_reply.h"

#include <string>
#include <string_view>

namespace postern::smtp_out {

struct Outcome {
    ipc::DeliveryStatus status = ipc::DeliveryStatus::deferred;
    std::string code;                        // RFC 3463
    std::string text;                        // one printable line
    bool operator==(const Outcome&) const = default;
};

// By the reply's first digit; the enhanced code is its own, or made from the basic one.
Outcome outcome_of(const mail::SmtpReply& reply);

Outcome deferred(std::string_view code, std::string text);
Outcome failed(std::string_view code, std::string text);

// Where a connection failed: whoever reads the code in a report knows whether anybody was there.
enum class Loss : std::uint8_t {
    ours,            // no socket, or one that cannot have the source address wanted
    not_connected,   // refused, no route, no answer in time
    in_session,      // ended, timed out, or what came was no SMTP
    in_handshake,    // of TLS
    too_long,        // all of it together
};
Outcome lost(Loss where, std::string text);

// As the contract with qmgr has it, cut to the limits of its fields.
ipc::RecipientOutcome to_ipc(std::uint32_t index, const Outcome& outcome);

} // namespace postern::smtp_out
