// A stream of typed messages between two processes, over one end of a socketpair that master made. The peer's
// name is what master said, never what the peer says.
//
// A frame that is too long for its type, does not decode or is of a type the peer may not send (routes.h) closes
// the channel: it costs the sender its channel, not us our life. An answer after its deadline is dropped.
// Output is collected and written once per loop turn; a peer that does not read is cut off at max_unsent. Passwords are
// wiped from both ends' buffers once they have been written or read.
#pragma once

#include "ipc/frame.h"
#include "ipc/message_type.h"
#include "ipc/service_id.h"
#include "libcommon/loop.h"
#include "libcommon/owned.h"

#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>

namespace postern::ipc {

struct Peer {
    ServiceId service = ServiceId::master;
    std::uint32_t instance = 0;
    std::uint32_t generation = 0;    // counts the starts of that instance
    auto operator<=>(const Peer&) const = default;
};

class Channel;

// What a handler answers with; may outlive the channel, then the answer goes nowhere.
class AnyResponder {
  public:
    AnyResponder() = default;
    AnyResponder(std::weak_ptr<Channel> channel, std::uint32_t request) : channel_(std::move(channel)), request_(request) {}

  protected:
    void send(MessageType type, std::string body, Fd descriptor, bool secret) const;

  private:
    std::weak_ptr<Channel> channel_;
    std::uint32_t request_ = 0;
};
template <Message Reply> class Responder : public AnyResponder {
  public:
    using AnyResponder::AnyResponder;
    void operator()(const Reply& reply, Fd descriptor = {}) const {
        send(Reply::type, encode(reply), std::move(descriptor), is_secret<Reply>);
    }
};

// A message that came in. `reply` is there for requests only.
template <class M> struct Incoming {
    std::shared_ptr<Channel> channel;
    M message;
    Fd descriptor;
};
template <Request M> struct Incoming<M> {
    std::shared_ptr<Channel> channel;
    M message;
    Fd descriptor;
    Responder<typename M::Reply> reply;
};

// What a process does with the messages it receives: one per process, shared by its channels.
class Dispatcher {
  public:
    // False: the body does not decode, the channel is closed.
    using Raw = std::function<bool(std::shared_ptr<Channel>, std::uint32_t request, std::string_view body, Fd)>;

    template <Message M> void on(std::function<void(Incoming<M>)> handler) {
        add(M::type, MaxEncoded<M>::value, Request<M>, is_secret<M>,
            [handler = std::move(handler)](std::shared_ptr<Channel> channel, std::uint32_t request,
                                           std::string_view body, Fd descriptor) {
                auto message = decode<M>(body);
                if (!message) return false;
                if constexpr (Request<M>) {
                    Responder<typename M::Reply> reply(channel, request);
                    handler({std::move(channel), std::move(*message), std::move(descriptor), std::move(reply)});
                } else {
                    handler({std::move(channel), std::move(*message), std::move(descriptor)});
                }
                return true;
            });
    }

    struct Entry {
        std::size_t max_body = 0;
        bool is_request = false;
        bool is_secret = false;
        Raw handle;
    };
    const Entry* find(MessageType type) const;

  private:
    void add(MessageType type, std::size_t max_body, bool is_request, bool is_secret, Raw handle);
    std::unordered_map<std::uint16_t, Entry> entries_;
};

class Channel : public std::enable_shared_from_this<Channel> {
  public:
    static constexpr std::size_t max_unsent = 64 * 1024 * 1024;
    static constexpr std::size_t max_descriptors = 64;   // received and not yet claimed by a frame
    static constexpr std::size_t max_late_reply = 4 * 1024 * 1024;

    // `self` is who we are: with the peer's service it decides by routes.h what may pass.
    static std::shared_ptr<Channel> open(Loop& loop, Fd socket, ServiceId self, Peer peer, const Dispatcher& dispatcher);
    ~Channel();

    const Peer& peer() const { return peer_; }
    bool is_open() const { return static_cast<bool>(socket_); }
    std::size_t unsent() const { return out_.size() - out_sent_; }

    template <Message M> void send(const M& message, Fd descriptor = {}) {
        send_frame(M::type, 0, false, encode(message), std::move(descriptor), is_secret<M>);
    }

    // `done` is called exactly once: with the answer; with Errc::timeout; or with Errc::closed.
    template <Request M>
    void call(const M& message, std::function<void(Result<typename M::Reply>, Fd)> done,
              std::chrono::milliseconds deadline = std::chrono::seconds(30), Fd descriptor = {}) {
        using Reply = typename M::Reply;
        call_frame(M::type, encode(message), std::move(descriptor), is_secret<M>,
                   Reply::type, MaxEncoded<Reply>::value, is_secret<Reply>, deadline, [done = std::move(done)](const Error* error, std::string_view body, Fd passed) {
                       if (error) { done(*error, {}); return true; }
                       auto reply = decode<Reply>(body);
                       const bool whole = reply.ok();
                       done(std::move(reply), std::move(passed));
                       return whole;
                   });
    }

    // A planned end, as for an upgrade: the peer is asked to begin nothing more with us. What runs is answered both ways,
    // and what the peer began in several messages it may finish here. Quiet: the peer has confirmed and nothing is open.
    void retire();
    bool is_retiring() const { return retiring_; }
    bool is_quiet() const { return let_go_ && unanswered_ == 0 && pending_.empty() && unsent() == 0; }
    // Called once when it is the peer that retires.
    void on_peer_retiring(std::function<void(Channel&)> callback) { peer_retires_ = std::move(callback); }

    // Called once when the peer is gone or was cut off; pending calls have failed by then.
    void on_closed(std::function<void(Channel&)> callback) { closed_ = std::move(callback); }
    void close(std::string_view why);

  private:
    friend class AnyResponder;
    using Answered = std::function<bool(const Error*, std::string_view, Fd)>;
    struct Pending {
        MessageType reply;
        std::size_t max_body;
        bool is_secret;
        std::chrono::steady_clock::time_point deadline;
        Answered done;
    };

    Channel(Loop& loop, Fd socket, ServiceId self, Peer peer, const Dispatcher& dispatcher);
    void send_frame(MessageType type, std::uint32_t request, bool is_reply, std::string body, Fd descriptor, bool secret);
    void call_frame(MessageType type, std::string body, Fd descriptor, bool secret, MessageType reply, std::size_t max_body,
                    bool reply_is_secret, std::chrono::milliseconds deadline, Answered done);
    void make_room(std::size_t size);
    void forget_output();
    void send_mark(std::uint8_t flag);
    void schedule_flush();
    void flush();
    void readable();
    std::size_t take_frames(std::span<char> bytes);
    bool acceptable(const FrameHeader& header);
    bool carries_secret(const FrameHeader& header) const;
    void handle_mark(const FrameHeader& header);
    bool handle_frame(const FrameHeader& header, std::string_view body);
    void expire();

    Loop& loop_;
    Fd socket_;
    ServiceId self_;
    Peer peer_;
    const Dispatcher& dispatcher_;
    std::string in_;                 // the beginning of a frame whose rest has not come
    bool in_secret_ = false;         // which holds a password
    std::deque<Fd> in_descriptors_;
    std::string out_;
    std::size_t out_sent_ = 0;
    bool out_secret_ = false;        // a password is in it
    std::deque<std::pair<std::size_t, Fd>> out_descriptors_;   // offset in out_ of the frame it goes with
    bool flush_scheduled_ = false;
    std::uint32_t next_request_ = 1;
    std::unordered_map<std::uint32_t, Pending> pending_;
    std::unique_ptr<Watch> read_, write_;
    std::unique_ptr<Timer> expiry_;
    std::function<void(Channel&)> closed_, peer_retires_;
    bool retiring_ = false, let_go_ = false;
    std::size_t unanswered_ = 0;     // requests of the peer's
};

} // namespace postern::ipc
