// The parameters of MAIL and RCPT, RFC 5321 section 4.1.2 (esmtp-param): one row each. Whether this session may use
// one is for the session.
#pragma once

#include "smtpd/command.h"

namespace postern::smtpd {

// Everything behind the path, which ends at `at`: SP keyword [=value], again and again, none of them twice.
std::optional<BadSyntax> parse_parameters(MailFrom& command, std::string_view line, std::size_t at);
std::optional<BadSyntax> parse_parameters(RcptTo& command, std::string_view line, std::size_t at);

} // namespace postern::smtpd
