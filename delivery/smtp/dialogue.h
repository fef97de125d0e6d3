// One part of a conversation with a server, which we lead: replies in, steps out. No socket and no clock; whoever performs
// the steps (conversation.h) measures the time each may take, and a test runs a whole conversation as a transcript.
#pragma once

#include "libmail/smtp_reply.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::smtp_out {

// What is being waited for: RFC 5321 section 4.5.3.2 has a time for each.
enum class Wait : std::uint8_t { connect, greeting, command, tls, data_init, data_block, data_done };

struct Step {
    enum class Then : std::uint8_t {
        await,           // the next reply
        start_tls,       // the handshake begins; on_secured() when it is done
        send_content,    // the message, then on_last_byte() and what that says
        finished,        // of this dialogue
    };
    std::string send = {};       // before anything else
    Then then = Then::await;
    Wait wait = Wait::command;
};

class Dialogue {
  public:
    virtual ~Dialogue() = default;
    virtual Step begin() = 0;
    virtual Step on_reply(const mail::SmtpReply& reply) = 0;
    // The connection is lost, the time is over, or what came is no SMTP. There is nothing to be said any more.
    virtual void on_lost(std::string_view why) = 0;
};

} // namespace postern::smtp_out
