// MAIL and RCPT with what the host offered of their parameters. Pure.
#pragma once

#include "delivery/smtp/capabilities.h"
#include "delivery/smtp/message.h"

#include <string>

namespace postern::smtp_out {

// How this message goes to this host.
struct Carriage {
    std::uint64_t size = 0;          // of the content as it goes
    std::string body;                // of BODY=, empty: not said
    bool smtputf8 = false;
    bool require_tls = false;
    bool dsn = false;
};

std::string mail_command(const Outgoing& message, const Capabilities& offered, const Carriage& carriage);
std::string rcpt_command(const Outgoing::Recipient& recipient, const Carriage& carriage);

// RFC 3461 section 4: printable ASCII but "+" and "=", and "+XX" for anything else.
std::string to_xtext(std::string_view text);

// An ORCPT of type utf-8 as it goes where SMTPUTF8 is not spoken: RFC 6533 section 3, "\x{XX}" for what is beyond ASCII.
std::string to_unitext(std::string_view address);

} // namespace postern::smtp_out
