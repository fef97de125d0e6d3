// What is different in LMTP, RFC 2033: how a client says hello, and that each recipient has an answer of its own.
#include "smtpd/session.h"

#include "libcommon/text.h"

namespace postern::smtpd {

void Session::handle(const Lhlo& c) { handle(Ehlo{c.domain}); }

// Section 4.2: behind the end of the message one reply for each RCPT that was accepted, in their order; a chunk that is not the
// last has one. The message is one row of the queue, so that what became of it became of it for all; a verdict about a single
// recipient belongs into this loop.
void Session::answer_message(const Reply& answer, std::string_view detail) {
    if (!role_.lmtp || !last_chunk_) return reply(answer, detail);
    std::string text;
    for (const std::string& forward_path : awaiting_) {
        const std::string words = "<" + printable(forward_path) + "> " + std::string(answer.text);
        write_reply(text, {answer.code, answer.status, words}, detail);
    }
    send(text);
}

} // namespace postern::smtpd
