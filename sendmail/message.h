// What comes on standard input as a message that may be sent: CRLF line ends, a header that is one, addresses with a domain. Pure.
#pragma once

#include "libcommon/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace postern::sendmail {

// LF, CRLF and CR alone each end a line; a line that is only a dot ends the message unless dots are text. Errc::invalid: it has a NUL.
Result<std::string> normal_lines(std::string_view input, bool dots_are_text);

struct Message {
    std::string text;                        // header, an empty line, body
    std::vector<std::string> recipients;     // of To, Cc and Bcc, or of their Resent- kin where there is one
};
// `domain` is for addresses without one. Whoever pipes in plain text gets an empty header before it, not a broken one; a line
// "From " of a mailbox file goes. `full_name` is of a From that is missing.
Message prepare(std::string_view text, std::string_view domain, std::string_view full_name, std::string_view sender);

// "ann" is ann@domain; what is not an address comes back as it is, for the server to refuse.
std::string qualified(std::string_view address, std::string_view domain);

} // namespace postern::sendmail
