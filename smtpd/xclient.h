// XCLIENT, Postfix's XCLIENT_README: a trusted proxy says whom it speaks for.
#pragma once

#include "libcommon/network.h"
#include "smtpd/command.h"

namespace postern::smtpd {

// The attributes as EHLO lists them. LOGIN is not among them: it would be an identity without a password.
std::string xclient_attributes();

// The attributes of one command; what is unavailable is empty.
Parsed parse_xclient(std::string_view line, std::size_t at);

} // namespace postern::smtpd
