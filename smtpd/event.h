// What a session did, for the operator: one event, one line, and the counters that go with it. The session only
// says that it happened; names and numbers are here.
#pragma once

#include "libcommon/ids.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace postern::smtpd {

struct Client {
    TraceId trace;
    std::string address;         // an IP address in text
    std::string_view role;
};

namespace event {
struct Connected {};
struct TlsStarted { std::string version, cipher; };
struct ClientNamed { std::string proxy, name, helo, protocol, destination; std::uint16_t port = 0, destination_port = 0; };   // by XCLIENT
struct LoggedIn { std::string address; };                // the account's primary one
struct LoginFailed { std::string username; std::uint16_t code = 0; };
struct SenderRefused { std::string reverse_path; std::uint16_t code = 0; std::string_view reason; };
struct RecipientAccepted { std::string forward_path; };
struct RecipientRefused { std::string forward_path; std::uint16_t code = 0; std::string_view reason; };
struct MessageAccepted {
    QueueId id;
    std::string reverse_path, message_id;
    std::uint64_t size = 0;
    std::size_t recipients = 0;
};
struct MessageRefused { std::string reverse_path, message_id; std::uint16_t code = 0; std::string reason; };
struct HeaderRefused { std::size_t rule = 0; };          // of header_rules(); the message is named by MessageRefused
struct AuthorRefused {};                                 // the message is named by MessageRefused
struct Abuse { std::string_view what; };                 // why we hung up
struct Disconnected { std::uint64_t messages = 0; std::uint64_t errors = 0; };
} // namespace event

using Event = std::variant<event::Connected, event::TlsStarted, event::ClientNamed, event::LoggedIn, event::LoginFailed,
                           event::SenderRefused, event::RecipientAccepted, event::RecipientRefused,
                           event::MessageAccepted, event::MessageRefused, event::HeaderRefused, event::AuthorRefused, event::Abuse, event::Disconnected>;

void record(const Client& client, const Event& event);
void count_command(std::size_t verb);                    // an index of verbs(); beyond them: not recognized

} // namespace postern::smtpd
