#include "imapd/stream.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace postern::imapd {

Stream::Stream(Loop& loop, Fd socket, std::size_t input_budget, Callbacks callbacks)
    : socket_(std::move(socket)), input_(input_budget), callbacks_(std::move(callbacks)),
      read_(loop, socket_.get(), Watch::For::read, [this] { readable(); }),
      write_(loop, socket_.get(), Watch::For::write, [this] { writable(); }) {
    ::fcntl(socket_.get(), F_SETFL, ::fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
    read_.enable();
}

void Stream::readable() {
    std::array<char, 65'536> buffer;
    const ssize_t got = ::read(socket_.get(), buffer.data(), std::min(buffer.size(), input_.room()));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got == 0 && callbacks_.input_ended) {
        read_.disable();
        finished_reading_ = true;
        return callbacks_.input_ended();
    }
    if (got <= 0) return end(got == 0 ? "the other side closed" : std::strerror(errno));
    input_.append({buffer.data(), static_cast<std::size_t>(got)});
    if (input_.room() == 0) read_.disable();     // the session decides when there is room again
    callbacks_.readable();
}

void Stream::read_on() {
    if (!ended_ && !finishing_ && !finished_reading_ && input_.room() > 0) read_.enable();
}

void Stream::write(std::string bytes) {
    if (ended_ || bytes.empty()) return;
    if (out_.empty()) out_ = std::move(bytes);
    else out_.append(bytes);
    write_.enable();
}

void Stream::writable() {
    while (unsent() > 0) {
        const ssize_t sent = ::send(socket_.get(), out_.data() + sent_, unsent(), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) return;
        if (sent < 0) return end(std::strerror(errno));
        sent_ += static_cast<std::size_t>(sent);
    }
    out_ = std::string();
    sent_ = 0;
    write_.disable();
    if (finishing_) return end("finished");
    callbacks_.drained();
}

void Stream::finish() {
    if (ended_) return;
    finishing_ = true;
    read_.disable();
    write_.enable();                             // also with nothing to send: the end comes from the loop
}

void Stream::end_output() {
    if (!ended_) ::shutdown(socket_.get(), SHUT_WR);
}

void Stream::end(std::string_view why) {
    if (std::exchange(ended_, true)) return;
    read_.disable();
    write_.disable();
    callbacks_.closed(why);
}

} // namespace postern::imapd
