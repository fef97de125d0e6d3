// Internationalized domain names, RFC 5890: a domain with U-labels as the A-labels the DNS knows, by the rules of
// UTS 46 (nontransitional), which bring it into NFC and lower case first.
#pragma once

#include "libcommon/result.h"

#include <string>
#include <string_view>

namespace postern::mail {

// Errc::invalid where a label is none: disallowed characters, too long, wrong direction. ASCII labels come back in
// lower case; whether those are host names is for the caller to see.
Result<std::string> to_a_labels(std::string_view domain);

} // namespace postern::mail
