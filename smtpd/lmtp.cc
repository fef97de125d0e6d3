// What is different in LMTP, RFC 2033: how a client says hello, and that each recipient has an answer of its own.
#include "smtpd/session.h"

#include "libcommon/text.h"

namespace postern::smtpd {

void Session::handle(const Lhlo& c) { handle(Ehlo{c.domain}); }

// Section 4.2: behind the end of the message one reply for each RCPT that was accepted, in their order; a chunk that is not the
// last has one. The message is one row of the queue: what became of it became of it for all whom it fits.
void Session::answer_message(const Reply& answer, std::string_view detail) {
    if (!role_.lmtp || !last_chunk_) return reply(answer, detail);
    std::string text;
    for (std::size_t rcpt = 0; rcpt < transaction_.accepted(); ++rcpt) {
        const auto fit = transaction_.fit(stream_.size(), rcpt);
        const bool fits = fit == Transaction::Fit::fits;
        const Reply& own = fits ? answer : reply_to_fit(fit);
        const std::string words = "<" + printable(transaction_.accepted_path(rcpt)) + "> " + std::string(own.text);
        write_reply(text, {own.code, own.status, words}, fits ? detail : std::string_view());
    }
    send(text);
}

// The recipients whom it does not fit are refused alone.
Transaction::Fit Session::drop_unfit() {
    for (std::size_t rcpt = 0; rcpt < transaction_.accepted(); ++rcpt) {
        const auto fit = transaction_.fit(stream_.size(), rcpt);
        if (fit == Transaction::Fit::fits) continue;
        const Reply& reply = reply_to_fit(fit);
        effects_.events.push_back(event::RecipientRefused{transaction_.accepted_path(rcpt), reply.code, reply.text});
    }
    return transaction_.drop_unfit(stream_.size());
}

} // namespace postern::smtpd
