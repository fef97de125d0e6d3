// Delivery reports of others, as they come back (RFC 3464, RFC 6533): of whom they speak, and of which message. What they say is what
// somebody wrote: nothing here is proved. Pure, bounded by max_recipients and the bounds of mime.h.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern::mail {

struct ReceivedReport {
    static constexpr std::size_t max_recipients = 100;
    struct Recipient {
        std::string address;             // final, or original where that is all; without its type
        std::string action, status;      // as written, in lower case: "failed", "5.1.1"
        std::string diagnostic;          // unfolded
    };
    std::string reporting_mta, envelope_id;      // without the type
    std::vector<Recipient> recipients;
    std::string message_id;              // of the message it returns; empty: it returns none
    std::vector<std::string> received;   // that message's Received fields, unfolded, with blanks for tabs; the last hop first
};

// Nothing: the message is no multipart/report with a delivery-status part.
std::optional<ReceivedReport> read_report(std::string_view message);

} // namespace postern::mail
