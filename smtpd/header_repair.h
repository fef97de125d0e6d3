// What a submission lacks and gets, RFC 6409 section 8: lines that go in front of its own.
//
// A message with a DKIM-Signature is complete for whoever signed it, who may have signed the absence of a field, too
// (RFC 6376 section 5.4.2): it gets nothing. (Its Bcc goes nevertheless: a broken signature harms less than a blind
// recipient who is shown.)
#pragma once

#include "libcommon/ids.h"
#include "smtpd/header_reader.h"

#include <string>
#include <string_view>

namespace postern::smtpd {

struct Submission {
    const HeaderFacts& header;
    std::string_view reverse_path;         // may be null
    std::string_view account;              // the primary address of who is logged in
    bool smtputf8 = false;
    TraceId trace;
    std::uint64_t number = 0;              // of the message in its session
    std::int64_t now = 0;
};
struct Repair {
    HeaderFields added;
    std::string lines;
    std::string message_id;                // that was added
};
Repair repair(const Submission& submission);

} // namespace postern::smtpd
