// RFC 5321 section 4.1: a command line becomes data. The verb table also yields HELP, the names of the counters
// and the fuzzers' dictionary.
#pragma once

#include "libmail/address.h"
#include "smtpd/reply.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace postern::smtpd {

// Views point into the line and live as long as it.
struct Helo { std::string_view domain; };
struct Ehlo { std::string_view domain; };
struct Lhlo { std::string_view domain; };                // RFC 2033
struct MailFrom {
    mail::Path reverse_path;
    std::uint64_t size = 0;                              // RFC 1870; 0: not announced
    ipc::BodyKind body = ipc::BodyKind::seven_bit;       // RFC 6152
    bool smtputf8 = false;                               // RFC 6531
    bool require_tls = false;                            // RFC 8689
    ipc::DsnReturn ret = ipc::DsnReturn::unsaid;         // RFC 3461, with the next
    std::string envelope_id;
    std::optional<std::int64_t> hold_for, hold_until;    // RFC 4865: seconds from now, or since the epoch
};
struct RcptTo {
    mail::Path forward_path;
    std::uint8_t notify = ipc::notify::unsaid;           // RFC 3461, with the next
    std::string original;                                // "type;address"
};
struct Data {};
struct Bdat {                                            // RFC 3030
    std::uint64_t size = 0;
    bool last = false;
};
struct Rset {};
struct Noop {};
struct Vrfy {
    bool ascii = true;                                   // what it asks about
    bool smtputf8 = false;
};
struct Help {};
struct Quit {};
struct StartTls {};                                      // RFC 3207
struct Auth {                                            // RFC 4954
    std::string_view mechanism;
    std::optional<std::string_view> initial_response;    // in base64; "=" stands for an empty one
};
struct Xclient {                                         // Postfix's XCLIENT_README; empty: unavailable, or not said
    std::string name, address, helo, protocol, destination;
    std::uint16_t port = 0, destination_port = 0;
};
using Command = std::variant<Helo, Ehlo, MailFrom, RcptTo, Data, Bdat, Rset, Noop, Vrfy, Help, Quit, StartTls, Auth, Xclient,
                             Lhlo>;

struct BadSyntax {
    Reply reply;
    std::size_t column = 0;                              // of the line, from 0
    std::string detail;                                  // what is wrong there, or empty
};
using Parsed = std::variant<Command, BadSyntax>;

// The line comes without its CRLF.
Parsed parse_command(std::string_view line);

struct Verb {
    std::string_view name;
    std::string_view usage;                              // what HELP shows
    Parsed (*parse)(std::string_view line, std::size_t at);   // `at`: where the arguments begin
    bool utf8 = false;                                   // RFC 6531 section 3.7.1: its line may have more than ASCII
};
std::span<const Verb> verbs();
std::optional<std::size_t> verb_index(std::string_view line);

// A browser, or somebody who makes one talk to us, does not get to send mail in its request body.
bool is_http_request(std::string_view line);

} // namespace postern::smtpd
