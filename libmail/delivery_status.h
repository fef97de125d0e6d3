// The machine's part of a delivery report: message/delivery-status (RFC 3464), and message/global-delivery-status where the
// report itself is an internationalized message (RFC 6533). Data to bytes.
#pragma once

#include "libmail/field_writer.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::mail {

// Section 2.2. Times are seconds since the epoch, 0 is not said.
struct StatusOfMessage {
    std::string_view reporting_mta;
    std::string_view envelope_id;
    std::int64_t arrived = 0;
};

// Section 2.3.
struct StatusOfRecipient {
    std::string_view original;           // "type;address" as the sender gave it, or empty
    std::string_view final_address;
    std::string_view action;
    std::string_view status;             // RFC 3463
    std::string_view remote_mta;         // empty: nobody else was asked, and the diagnostic is ours
    std::string_view diagnostic;
    std::int64_t last_attempt = 0;
    std::int64_t retry_until = 0;
};

std::string status_fields(const StatusOfMessage& message, Wording wording);
std::string status_fields(const StatusOfRecipient& recipient, Wording wording);
// What section 2.3 demands, for where there is no room for more.
std::string brief_status_fields(const StatusOfRecipient& recipient, Wording wording);

// An address with its type: "rfc822; ann@example.org", else "utf-8; ..." (RFC 6533 section 3), which in ASCII is written with
// \x{E9} for what is none.
std::string typed_address(std::string_view address, Wording wording);

} // namespace postern::mail
