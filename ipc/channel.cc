#include "ipc/channel.h"

#include "ipc/ancillary.h"
#include "ipc/routes.h"
#include "libcommon/log.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>

namespace postern::ipc {

namespace {
// Bytes are received here and parsed in place; only what a turn leaves over is copied to the channel.
std::string& receive_buffer() {
    static thread_local std::string buffer(256 * 1024, '\0');
    return buffer;
}

void wipe(std::span<char> bytes) { ::explicit_bzero(bytes.data(), bytes.size()); }
} // namespace

void AnyResponder::send(MessageType type, std::string body, Fd descriptor, bool secret) const {
    const auto channel = channel_.lock();
    if (!channel || !channel->is_open()) return;
    --channel->unanswered_;
    channel->send_frame(type, request_, true, std::move(body), std::move(descriptor), secret);
}

void Dispatcher::add(MessageType type, std::size_t max_body, bool is_request, bool is_secret, Raw handle) {
    entries_[static_cast<std::uint16_t>(type)] = {max_body, is_request, is_secret, std::move(handle)};
}

const Dispatcher::Entry* Dispatcher::find(MessageType type) const {
    const auto at = entries_.find(static_cast<std::uint16_t>(type));
    return at == entries_.end() ? nullptr : &at->second;
}

std::shared_ptr<Channel> Channel::open(Loop& loop, Fd socket, ServiceId self, Peer peer, const Dispatcher& dispatcher) {
    std::shared_ptr<Channel> channel(new Channel(loop, std::move(socket), self, peer, dispatcher));
    channel->read_->enable();
    return channel;
}

Channel::Channel(Loop& loop, Fd socket, ServiceId self, Peer peer, const Dispatcher& dispatcher)
    : loop_(loop), socket_(std::move(socket)), self_(self), peer_(peer), dispatcher_(dispatcher),
      read_(std::make_unique<Watch>(loop, socket_.get(), Watch::For::read, [this] { readable(); })),
      write_(std::make_unique<Watch>(loop, socket_.get(), Watch::For::write, [this] { flush(); })),
      expiry_(std::make_unique<Timer>(loop, [this] { expire(); })) {}

Channel::~Channel() = default;

void Channel::send_frame(MessageType type, std::uint32_t request, bool is_reply, std::string body, Fd descriptor,
                         bool secret) {
    if (!is_open()) return;
    if (unsent() + body.size() > max_unsent) return close("the peer does not read");
    const FrameHeader header{static_cast<std::uint32_t>(body.size()), static_cast<std::uint16_t>(type),
                             static_cast<std::uint8_t>((descriptor ? frame_has_descriptor : 0) | (is_reply ? frame_is_reply : 0)),
                             frame_version, request};
    if (descriptor) out_descriptors_.emplace_back(out_.size(), std::move(descriptor));
    out_secret_ = out_secret_ || secret;
    make_room(frame_header_size + body.size());
    encode_to(out_, header);
    out_ += body;
    if (secret) wipe(body);
    schedule_flush();
}

// A string that grows by itself leaves what it held on the heap.
void Channel::make_room(std::size_t size) {
    if (!out_secret_ || out_.capacity() - out_.size() >= size) return;
    std::string larger;
    larger.reserve(2 * out_.size() + size);
    larger += out_;
    wipe(out_);
    out_ = std::move(larger);
}

void Channel::forget_output() {
    if (std::exchange(out_secret_, false)) wipe(out_);
    out_.clear();
    out_sent_ = 0;
}

void Channel::call_frame(MessageType type, std::string body, Fd descriptor, bool secret, MessageType reply,
                         std::size_t max_body, bool reply_is_secret, std::chrono::milliseconds deadline, Answered done) {
    if (!is_open()) {
        loop_.defer([done = std::move(done)] {
            const Error gone(Errc::closed, "the peer is gone");
            done(&gone, {}, {});
        });
        return;
    }
    const std::uint32_t request = next_request_++;
    pending_.emplace(request, Pending{reply, max_body, reply_is_secret, std::chrono::steady_clock::now() + deadline, std::move(done)});
    if (!expiry_->armed()) expiry_->every(std::chrono::milliseconds(250));
    send_frame(type, request, false, std::move(body), std::move(descriptor), secret);
}

void Channel::send_mark(std::uint8_t flag) {
    encode_to(out_, FrameHeader{0, 0, flag, frame_version, 0});
    schedule_flush();
}

void Channel::retire() {
    if (!is_open() || std::exchange(retiring_, true)) return;
    send_mark(frame_retires);
}

void Channel::handle_mark(const FrameHeader& header) {
    if ((header.flags & frame_lets_go) != 0) {
        let_go_ = true;
        return;
    }
    send_mark(frame_lets_go);
    if (peer_retires_) std::exchange(peer_retires_, nullptr)(*this);
}

void Channel::schedule_flush() {
    if (flush_scheduled_) return;
    flush_scheduled_ = true;
    loop_.defer([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->flush();
    });
}

void Channel::flush() {
    flush_scheduled_ = false;
    while (is_open() && unsent() > 0) {
        // A descriptor travels with the first byte of its frame: the part before it goes alone.
        std::size_t end = out_.size();
        int descriptor = -1;
        if (!out_descriptors_.empty()) {
            if (out_descriptors_.front().first == out_sent_) {
                descriptor = out_descriptors_.front().second.get();
                if (out_descriptors_.size() > 1) end = out_descriptors_[1].first;
            } else {
                end = out_descriptors_.front().first;
            }
        }
        iovec part{out_.data() + out_sent_, end - out_sent_};
        Ancillary ancillary;
        msghdr header{};
        header.msg_iov = &part;
        header.msg_iovlen = 1;
        ancillary.attach(header, descriptor);
        const ssize_t sent = ::sendmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN || errno == ENOBUFS) return write_->enable();
            return close("write failed");
        }
        if (descriptor >= 0) out_descriptors_.pop_front();
        out_sent_ += static_cast<std::size_t>(sent);
    }
    if (!is_open()) return;
    write_->disable();
    forget_output();
    if (out_.capacity() > 1024 * 1024) out_.shrink_to_fit();
}

void Channel::readable() {
    const auto alive = shared_from_this();
    std::string& buffer = receive_buffer();
    iovec part{buffer.data(), buffer.size()};
    Ancillary ancillary;
    msghdr header{};
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    ancillary.expect(header);
    const ssize_t size = ::recvmsg(socket_.get(), &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size <= 0) return close("the peer closed");
    Ancillary::collect(header, [this](Fd fd) { in_descriptors_.push_back(std::move(fd)); });
    if ((header.msg_flags & MSG_CTRUNC) != 0 || in_descriptors_.size() > max_descriptors)
        return close("too many descriptors");

    const std::span<char> received(buffer.data(), static_cast<std::size_t>(size));
    if (in_.empty()) {
        // Parse in place; a handler may not run this loop again, so the buffer stays ours.
        const std::size_t used = take_frames(received);
        if (!is_open()) return;
        const auto rest = received.subspan(used);
        in_.assign(rest.data(), rest.size());
        if (in_secret_) wipe(rest);
        return;
    }
    in_.append(received.data(), received.size());
    if (in_secret_) wipe(received);
    std::string whole = std::move(in_);
    in_.clear();
    const std::size_t used = take_frames(whole);
    if (!is_open()) return;
    if (used > 0) whole.erase(0, used);
    in_ = std::move(whole);
}

// Handles the whole frames at the front of `bytes`; returns how many bytes they took.
std::size_t Channel::take_frames(std::span<char> bytes) {
    std::size_t used = 0;
    in_secret_ = false;
    while (is_open() && bytes.size() - used >= frame_header_size) {
        FrameHeader header;
        (void)Reader({bytes.data() + used, frame_header_size}).get(header);
        if (!acceptable(header)) break;
        const bool secret = carries_secret(header);
        if (bytes.size() - used - frame_header_size < header.length) {
            if (in_.capacity() < header.length + frame_header_size) in_.reserve(header.length + frame_header_size);
            in_secret_ = secret;
            break;
        }
        const auto body = bytes.subspan(used + frame_header_size, header.length);
        used += frame_header_size + header.length;
        if (!handle_frame(header, {body.data(), body.size()})) close("malformed message");
        if (secret) wipe(body);
    }
    return used;
}

// Refused unread: a version we do not speak, a type the peer may not send us, a body longer than its type can be.
bool Channel::acceptable(const FrameHeader& header) {
    const auto type = static_cast<MessageType>(header.type);
    if (header.version != frame_version) {
        close("unknown protocol version");
    } else if (header.flags == frame_retires || (header.flags == frame_lets_go && retiring_)) {
        if (header.length == 0) return true;
        close("a mark with a body");
    } else if ((header.flags & frame_is_reply) != 0) {
        const auto pending = pending_.find(header.request);
        if (pending == pending_.end()) {
            // An answer after its deadline: dropped. Its size is not known any more, so it gets the general bound.
            if (header.length <= max_late_reply) return true;
            close("a late answer too long");
        } else if (pending->second.reply != type || header.length > pending->second.max_body) {
            close("an answer of the wrong kind");
        } else {
            return true;
        }
    } else {
        const Dispatcher::Entry* entry = dispatcher_.find(type);
        if (entry && may_send(peer_.service, self_, type) && header.length <= entry->max_body) return true;
        close("a message that may not be sent here");
    }
    return false;
}

bool Channel::carries_secret(const FrameHeader& header) const {
    if ((header.flags & frame_is_reply) != 0) {
        const auto pending = pending_.find(header.request);
        return pending != pending_.end() && pending->second.is_secret;
    }
    const Dispatcher::Entry* entry = dispatcher_.find(static_cast<MessageType>(header.type));
    return entry && entry->is_secret;
}

bool Channel::handle_frame(const FrameHeader& header, std::string_view body) {
    if (header.flags == frame_retires || header.flags == frame_lets_go) {
        handle_mark(header);
        return true;
    }
    Fd descriptor;
    if ((header.flags & frame_has_descriptor) != 0) {
        if (in_descriptors_.empty()) return false;
        descriptor = std::move(in_descriptors_.front());
        in_descriptors_.pop_front();
    }
    if ((header.flags & frame_is_reply) == 0) {
        const Dispatcher::Entry* entry = dispatcher_.find(static_cast<MessageType>(header.type));
        if (entry->is_request) ++unanswered_;
        return entry->handle(shared_from_this(), header.request, body, std::move(descriptor));
    }
    const auto pending = pending_.find(header.request);
    if (pending == pending_.end()) return true;
    const Answered done = std::move(pending->second.done);
    pending_.erase(pending);
    if (pending_.empty()) expiry_->cancel();
    return done(nullptr, body, std::move(descriptor));
}

void Channel::expire() {
    const auto alive = shared_from_this();
    const auto now = std::chrono::steady_clock::now();
    std::vector<Answered> late;
    for (auto at = pending_.begin(); at != pending_.end();) {
        if (at->second.deadline > now) {
            ++at;
            continue;
        }
        late.push_back(std::move(at->second.done));
        at = pending_.erase(at);
    }
    if (pending_.empty()) expiry_->cancel();
    const Error timeout(Errc::timeout, "no answer in time");
    for (const Answered& done : late) done(&timeout, {}, {});
}

void Channel::close(std::string_view why) {
    if (!is_open()) return;
    const auto alive = shared_from_this();
    if (why != "the peer closed")
        log::warning("ipc.channel.closed", {{"peer", to_string(peer_.service)}, {"instance", peer_.instance}, {"why", why}});
    read_->disable();
    write_->disable();
    expiry_->cancel();
    socket_.reset();
    forget_output();
    auto pending = std::move(pending_);
    pending_.clear();
    const Error gone(Errc::closed, "the peer is gone");
    for (auto& [request, call] : pending) call.done(&gone, {}, {});
    if (closed_) std::exchange(closed_, nullptr)(*this);
}

} // namespace postern::ipc
