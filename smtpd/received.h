// The Received line of one message, RFC 5321 section 4.4 with the keywords of RFC 3848 and 6531, in the two parts that go
// around the queue id: only qmgr knows that.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::smtpd {

struct TraceFacts {
    std::string_view helo;             // what the client calls itself: anything, see below
    std::string_view client;           // its address, as text
    std::string_view hostname;         // us
    bool extended = false;             // EHLO
    bool authenticated = false;
    std::string_view local_user{};     // "ann@mx.example.org, uid 1000": of this host, which nobody came to
    bool hides_client = false;         // where a user writes from is nobody's business; the log has it
    bool smtputf8 = false;
    bool lmtp = false;
    std::string_view tls_version;      // "TLSv1.3"; empty: in clear
    std::string_view tls_cipher;
    std::string_view only_recipient;   // named when there is just one: more would tell each of the others (7.2)
    std::int64_t now = 0;              // seconds since the epoch
};
struct TraceLines { std::string head, tail; };
TraceLines trace_lines(const TraceFacts& facts);

// RFC 5322 section 3.3, in UTC: "Sat, 21 Nov 2026 08:20:00 +0000".
std::string date_time(std::int64_t seconds);

} // namespace postern::smtpd
