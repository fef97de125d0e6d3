// Replies as data, RFC 5321 section 4.2 with the enhanced codes of RFC 2034 and 3463, and their bytes. Nothing a
// client sent ever gets into a reply unescaped.
#pragma once

#include "ipc/auth.h"
#include "ipc/policy.h"
#include "ipc/queue.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace postern::smtpd {

// Written as {code, "status", "text"} wherever one is: so the test of doc/ADMIN.md, which has them all, finds it.
struct Reply {
    std::uint16_t code = 0;
    std::string_view status;        // "2.1.0"; empty for the greeting, EHLO, 354 and 334, which carry none
    std::string_view text;

    bool is_error() const { return code >= 400; }
};

// A reply about something that has to be named.
struct Refusal {
    Reply reply;
    std::string detail;

    Refusal(const Reply& plain) : reply(plain) {}           // most need no detail
    Refusal(const Reply& about, std::string what) : reply(about), detail(std::move(what)) {}
};

// "250 2.1.0 text detail" CRLF.
void write_reply(std::string& out, const Reply& reply, std::string_view detail = {});

// The same code on every line, all but the last with a hyphen.
void write_lines(std::string& out, std::uint16_t code, std::string_view status, std::span<const std::string_view> lines);

// What a question's answer means to the client: one row per status.
const Reply& reply_to(ipc::RecipientStatus status);
const Reply& reply_to_sender(ipc::Verdict verdict);
const Reply& reply_to_login(ipc::LoginStatus status);
const Reply& reply_to_submission(ipc::SubmitStatus status);
const Reply& reply_to_rate(ipc::RateKind kind);              // its detail is the time left

namespace replies {

inline constexpr Reply ok{250, "2.0.0", "OK"};
inline constexpr Reply bye{221, "2.0.0", "Bye"};
inline constexpr Reply cannot_verify{252, "2.5.2", "Send mail and see: addresses are decided at RCPT"};
inline constexpr Reply send_data{354, {}, "End data with <CR><LF>.<CR><LF>"};
inline constexpr Reply chunk_ok{250, "2.0.0", "Chunk taken"};
inline constexpr Reply start_tls{220, "2.0.0", "Ready to start TLS"};
inline constexpr Reply sender_ok{250, "2.1.0", "Sender OK"};

inline constexpr Reply tls_active{503, "5.5.1", "TLS is already active"};
inline constexpr Reply tls_unavailable{454, "4.7.0", "TLS is not available here"};
inline constexpr Reply tls_required{530, "5.7.0", "Must issue a STARTTLS command first"};
inline constexpr Reply auth_required{530, "5.7.0", "Authentication required"};
inline constexpr Reply auth_not_offered{503, "5.5.1", "AUTH is not offered on this port: use a submission port"};
inline constexpr Reply auth_needs_tls{538, "5.7.11", "Encryption required: issue a STARTTLS command first"};   // RFC 4954 section 6
inline constexpr Reply auth_done{503, "5.5.1", "Already authenticated"};
inline constexpr Reply auth_mechanism{504, "5.5.4", "Mechanism not supported: EHLO lists those that are"};
inline constexpr Reply auth_malformed{501, "5.5.2", "Cannot decode the response"};
inline constexpr Reply auth_too_long{500, "5.5.6", "Authentication line too long"};   // RFC 4954 section 4
inline constexpr Reply auth_cancelled{501, "5.7.0", "Authentication cancelled"};

inline constexpr Reply not_your_xclient{550, "5.7.1", "XCLIENT is not for you"};

inline constexpr Reply say_lhlo{500, "5.5.1", "This is LMTP: say LHLO"};                   // RFC 2033 section 4.1
inline constexpr Reply not_lmtp{500, "5.5.1", "This is SMTP: say EHLO"};
inline constexpr Reply no_recipients{503, "5.5.1", "No valid recipients"};                 // section 4.2

inline constexpr Reply command_too_long{500, "5.5.2", "Line too long"};
inline constexpr Reply command_bare_lf{500, "5.5.2", "A line must end with <CR><LF>"};
inline constexpr Reply unknown_parameter{555, "5.5.4", "Parameter not recognized"};
inline constexpr Reply needs_tls{530, "5.7.10", "REQUIRETLS needs TLS here, too: STARTTLS first"};   // RFC 8689
inline constexpr Reply bad_hold{501, "5.5.4", "The time to hold until must be ahead, and within what EHLO says"};
inline constexpr Reply needs_smtputf8{553, "5.6.7", "Address is not ASCII: MAIL must say SMTPUTF8"};   // RFC 6531 section 3.5
inline constexpr Reply too_big{552, "5.3.4", "Message is larger than this server takes"};
inline constexpr Reply too_big_to_send{552, "5.3.4", "Message is larger than your account may send"};
inline constexpr Reply data_behind_bdat{503, "5.5.1", "The message has begun by BDAT: go on with BDAT, or RSET"};
inline constexpr Reply binary_needs_bdat{503, "5.5.1", "BODY=BINARYMIME is sent by BDAT"};
inline constexpr Reply too_many_recipients{452, "4.5.3", "Too many recipients, send the rest in another transaction"};

inline constexpr Reply not_http{521, "5.5.1", "This is a mail server, not a web server"};
inline constexpr Reply too_many_errors{421, "4.7.0", "Too many errors, closing the connection"};
inline constexpr Reply too_many_logins{421, "4.7.0", "Too many failed logins, closing the connection"};
inline constexpr Reply too_many_connections{421, "4.7.0", "Too many connections, try again later"};
inline constexpr Reply crowded{421, "4.3.2", "Too many connections here now, try again later"};
inline constexpr Reply banned{554, "5.7.1", "Your address is banned here,"};
inline constexpr Reply talked_early{554, "5.5.1", "You talked before the greeting, closing the connection"};
inline constexpr Reply not_a_local_user{554, "5.7.1", "This is for users and programs of this host"};
inline constexpr Reply local_user_unknown_now{421, "4.3.0", "Cannot see now whose mail this is, try again later"};
inline constexpr Reply too_much_junk{421, "4.7.0", "Too many commands that send no mail, closing the connection"};
inline constexpr Reply timed_out{421, "4.4.2", "Timed out waiting for you, closing the connection"};
inline constexpr Reply shutting_down{421, "4.3.2", "Server is restarting, try again in a moment"};
inline constexpr Reply injected{521, "5.5.1", "Commands were waiting behind STARTTLS, closing the connection"};

} // namespace replies
} // namespace postern::smtpd
