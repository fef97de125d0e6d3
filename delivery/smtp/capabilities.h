// What a server's answer to EHLO or LHLO offers. Pure.
#pragma once

#include "libmail/smtp_reply.h"

#include <cstdint>

namespace postern::smtp_out {

struct Capabilities {
    bool starttls = false;           // RFC 3207
    bool pipelining = false;         // RFC 2920
    bool chunking = false;           // RFC 3030
    bool binarymime = false;         // RFC 3030
    bool eight_bit = false;          // RFC 6152
    bool smtputf8 = false;           // RFC 6531
    bool dsn = false;                // RFC 3461
    bool require_tls = false;        // RFC 8689
    bool size = false;               // RFC 1870
    std::uint64_t max_size = 0;      // 0: none that it says
    bool auth_plain = false, auth_login = false;   // RFC 4954
    bool operator==(const Capabilities&) const = default;
};

Capabilities parse_capabilities(const mail::SmtpReply& ehlo);

} // namespace postern::smtp_out
