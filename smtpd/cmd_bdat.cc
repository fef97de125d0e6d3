// BDAT, RFC 3030 section 2: the message in chunks that say how long they are. A chunk that is refused is read and
// forgotten, because its sender does not wait for our word before it sends it (section 4.2), and ends the transaction.
#include "smtpd/session.h"

#include <algorithm>

namespace postern::smtpd {

void Session::handle(const Bdat& c) {
    if (state_ == State::rcpt)
        begin_content(transaction_.body() == ipc::BodyKind::binary ? ContentStream::Framing::binary
                                                                   : ContentStream::Framing::chunks);
    state_ = State::chunk;
    last_chunk_ = c.last;
    const std::uint64_t most = limits_.message_bytes;                // a reload may have made it less
    if (c.size > most || stream_.size() > most - c.size) {
        refuse_message(replies::too_big);
        skip_ = c.size;
        return;
    }
    chunk_left_ = c.size;
}

std::size_t Session::skip(std::size_t bytes) {
    const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, skip_));
    skip_ -= skipped;
    received_ += skipped;
    return skipped;
}

std::size_t Session::take_chunk(std::string_view bytes, std::int64_t now) {
    bytes = bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), chunk_left_)));
    feed(bytes);
    chunk_left_ -= bytes.size();
    received_ += bytes.size();
    open_large_if_due();
    if (content_is_whole() && large_ != Large::asked) chunk_ended(now);
    return bytes.size();
}

void Session::chunk_ended(std::int64_t now) {
    if (last_chunk_) return data_ended(now);
    if (const Reply* fault = fault_reply()) return refuse_message(*fault);
    if (large_ == Large::failed) return refuse_message(reply_to_submission(large_status_));
    state_ = State::chunks;
    reply(replies::chunk_ok);
}

} // namespace postern::smtpd
