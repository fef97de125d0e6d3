// Conversations as transcripts: what a server says, line by line, and what we then say.
#pragma once

#include "delivery/smtp/dialogue.h"

#include <string>
#include <string_view>
#include <vector>

namespace postern::smtp_out {

inline mail::SmtpReply reply(std::string_view text) {
    mail::SmtpReplyReader reader;
    std::size_t taken = 0;
    std::string bytes;
    for (const char c : text) bytes += c == '\n' ? std::string("\r\n") : std::string(1, c);
    bytes += "\r\n";
    if (reader.take(bytes, taken) != mail::SmtpReplyReader::State::complete) throw std::logic_error("no reply: " + bytes);
    return reader.reply();
}

// "MAIL FROM:<a@b>|RCPT TO:<c@d>|DATA" and, in braces, what is next when it is not a reply.
inline std::string show(const Step& step) {
    std::string out = step.send;
    if (out.ends_with("\r\n")) out.resize(out.size() - 2);
    for (auto at = out.find("\r\n"); at != std::string::npos; at = out.find("\r\n")) out.replace(at, 2, "|");
    constexpr std::string_view then[] = {"", "{tls}", "{content}", "{end}"};
    return out + std::string(then[static_cast<std::size_t>(step.then)]);
}

} // namespace postern::smtp_out
