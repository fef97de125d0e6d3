#include "smtpd/reply.h"

#include <charconv>
#include <iterator>

namespace postern::smtpd {
namespace {

// Rows in the order of ipc::RecipientStatus. The text is read by a remote postmaster who sees nothing else.
constexpr Reply recipient_replies[] = {
    {250, "2.1.5", "Recipient OK"},                                              // deliver
    {550, "5.7.1", "Relaying denied: this server does not serve that domain"},   // foreign
    {550, "5.1.1", "No such mailbox here"},                                      // unknown_user
    {550, "5.2.1", "Mailbox is disabled"},                                       // disabled
    {552, "5.2.2", "Mailbox is full"},                                           // over_quota
    {550, "5.4.6", "Aliases of this address lead back to it"},                   // loop
    {553, "5.1.3", "Address is not valid"},                                      // invalid
    {451, "4.3.0", "Cannot look up the recipient now, try again later"},         // unavailable
    {550, "5.7.1", "You may not post to this group"},                            // not_permitted
    {552, "5.2.3", "Message is larger than this recipient takes"},               // too_large
    {550, "5.5.3", "The address leads to more recipients than a message may have"},   // too_many
    {550, "5.1.1", "This return address is forged, too old, or not for this message"},   // not_returnable
};
static_assert(std::size(recipient_replies) == static_cast<std::size_t>(last_enumerator(ipc::RecipientStatus{})) + 1);

// In the order of ipc::Verdict; RFC 6409 section 6.1.
constexpr Reply sender_replies[] = {
    replies::sender_ok,
    {550, "5.7.1", "Your account may not send from this address"},
    {451, "4.3.0", "Cannot check the sender now, try again later"},
};
static_assert(std::size(sender_replies) == static_cast<std::size_t>(last_enumerator(ipc::Verdict{})) + 1);

// In the order of ipc::LoginStatus; RFC 4954 section 6.
constexpr Reply login_replies[] = {
    {235, "2.7.0", "Authentication successful"},
    {535, "5.7.8", "User name or password is wrong"},
    {454, "4.7.0", "Cannot check passwords now, try again later"},
};
static_assert(std::size(login_replies) == static_cast<std::size_t>(last_enumerator(ipc::LoginStatus{})) + 1);

// In the order of ipc::SubmitStatus.
constexpr Reply submission_replies[] = {
    {250, "2.0.0", "Queued as"},
    {550, "5.7.1", "Message refused"},
    {452, "4.3.1", "Not enough space for mail now, try again later"},
    {451, "4.3.0", "Cannot store the message now, try again later"},
};
static_assert(std::size(submission_replies) == static_cast<std::size_t>(last_enumerator(ipc::SubmitStatus{})) + 1);

// In the order of ipc::RateKind. Recipients: RFC 3463's "too many recipients", so that the client sends to the rest later.
constexpr Reply rate_replies[] = {
    {421, "4.7.0", "Too many connections from your address,"},
    {450, "4.7.1", "Too many messages from your address,"},
    {452, "4.5.3", "Too many recipients from your address,"},
    {450, "4.7.1", "Your account sent too many messages,"},
    {452, "4.5.3", "Your account sent to too many recipients,"},
    {450, "4.7.1", "Too many messages from this sender's domain,"},
    {452, "4.5.3", "Too many recipients from this sender's domain,"},
    {450, "4.7.1", "Your domain sent too many messages,"},
    {452, "4.5.3", "Your domain sent to too many recipients,"},
};
static_assert(std::size(rate_replies) == static_cast<std::size_t>(last_enumerator(ipc::RateKind{})) + 1);

void append_code(std::string& out, std::uint16_t code, char separator, std::string_view status) {
    char digits[4];
    std::to_chars(digits, digits + sizeof digits, code);
    out.append(digits, 3).push_back(separator);
    if (!status.empty()) out.append(status).push_back(' ');
}

} // namespace

void write_reply(std::string& out, const Reply& reply, std::string_view detail) {
    append_code(out, reply.code, ' ', reply.status);
    out.append(reply.text);
    if (!detail.empty()) out.append(" ").append(detail);
    out.append("\r\n");
}

void write_lines(std::string& out, std::uint16_t code, std::string_view status,
                 std::span<const std::string_view> lines) {
    for (std::size_t i = 0; i < lines.size(); ++i) {
        append_code(out, code, i + 1 < lines.size() ? '-' : ' ', status);
        out.append(lines[i]).append("\r\n");
    }
}

const Reply& reply_to(ipc::RecipientStatus status) { return recipient_replies[static_cast<std::size_t>(status)]; }
const Reply& reply_to_sender(ipc::Verdict verdict) { return sender_replies[static_cast<std::size_t>(verdict)]; }
const Reply& reply_to_login(ipc::LoginStatus status) { return login_replies[static_cast<std::size_t>(status)]; }
const Reply& reply_to_rate(ipc::RateKind kind) { return rate_replies[static_cast<std::size_t>(kind)]; }
const Reply& reply_to_submission(ipc::SubmitStatus status) {
    return submission_replies[static_cast<std::size_t>(status)];
}

} // namespace postern::smtpd
