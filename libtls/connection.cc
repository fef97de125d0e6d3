#include "libtls/connection.h"

#include "libtls/channel_bindings.h"
#include "libtls/gentle_close.h"
#include "libtls/sessions.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace postern::tls {

// What libevent calls; deferred, so never from inside one of our own calls.
struct Connection::Hooks {
    static Connection& of(void* self) { return *static_cast<Connection*>(self); }

    static void readable(bufferevent*, void* self) { of(self).offer(); }

    static void writable(bufferevent* stream, void* self) {
        Connection& connection = of(self);
        if (evbuffer_get_length(bufferevent_get_output(stream)) != 0) return;
        if (connection.starting_tls_) return connection.begin_tls();
        if (connection.finishing_) return connection.end("finished");
        if (connection.callbacks_.drained) connection.callbacks_.drained();
    }

    static void happened(bufferevent* stream, short what, void* self) {
        Connection& connection = of(self);
        if ((what & BEV_EVENT_CONNECTED) != 0) {
            connection.secure_ = true;
            if (connection.client_) session_resumed(connection.native());
            if (connection.callbacks_.secured) connection.callbacks_.secured();
            return;
        }
        std::string why = "the peer closed";
        if ((what & BEV_EVENT_ERROR) != 0) {
            const unsigned long code = connection.is_tls() ? bufferevent_get_openssl_error(stream) : 0;
            char text[256] = "TLS error";
            if (code != 0) ERR_error_string_n(code, text, sizeof text);
            why = code != 0 ? text : std::strerror(errno);
            // OpenSSL 3 reports a peer that closes without close_notify as an error of its own: to us it is an end.
            if (code != 0 && ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING) why = "the peer closed";
            ERR_clear_error();
            if (const PeerFault fault = connection.fault(); !connection.secure_ && !fault.words.empty()) why += ": " + fault.words;
        } else if (!connection.paused_) {
            connection.offer();                    // what came with the end
        }
        if (!connection.ended_) connection.end(std::move(why));
    }
};

namespace {
constexpr int stream_options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;
} // namespace

Connection::Connection(Loop& loop, Fd socket, Callbacks callbacks, std::shared_ptr<const Context> context)
    : Connection(loop, std::move(socket), std::move(callbacks), nullptr, std::move(context)) {}

Connection::Connection(Loop& loop, Fd socket, Callbacks callbacks, ClientTls tls)
    : Connection(loop, std::move(socket), std::move(callbacks), std::move(tls), nullptr) {}

Connection::Connection(Loop& loop, Fd socket, Callbacks callbacks, ClientTls client, std::shared_ptr<const Context> server)
    : loop_(loop), callbacks_(std::move(callbacks)), stream_(nullptr, bufferevent_free), context_(std::move(server)),
      client_(client != nullptr), next_(std::move(client)) {
    // Before a handshake can begin: Nagle and a delayed acknowledgement together cost it 40 ms.
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    adopt(socket.release());
    // Writing is enabled from the start; saying so again would poll for room although nothing is to be written.
    bufferevent_enable(stream_.get(), is_tls() ? EV_READ | EV_WRITE : EV_READ);
}

// Over the socket, TLS from its first byte where that has been asked for.
void Connection::adopt(int socket) {
    const auto over_tls = [&](SSL* ssl, bufferevent_ssl_state state) {
        return bufferevent_openssl_socket_new(loop_.base(), socket, ssl, state, stream_options);
    };
    if (client_) stream_.reset(over_tls(next_.release(), BUFFEREVENT_SSL_CONNECTING));
    else if (context_) stream_.reset(over_tls(SSL_new(context_->native()), BUFFEREVENT_SSL_ACCEPTING));
    else stream_.reset(bufferevent_socket_new(loop_.base(), socket, stream_options));
    bufferevent_setcb(stream_.get(), &Hooks::readable, &Hooks::writable, &Hooks::happened, this);
    bufferevent_setwatermark(stream_.get(), EV_READ, 0, read_ahead);
}

Connection::~Connection() {
    *alive_ = false;
    if (stream_) bufferevent_setcb(stream_.get(), nullptr, nullptr, nullptr, nullptr);
}

void Connection::offer() {
    evbuffer* input = bufferevent_get_input(stream_.get());
    const auto alive = alive_;
    while (!paused_ && !finishing_ && !ended_ && !starting_tls_) {
        const std::size_t waiting = evbuffer_get_length(input);
        if (waiting == 0) return;
        // First what lies together; if the session takes nothing of it, all of it in one piece.
        std::size_t size = evbuffer_get_contiguous_space(input);
        for (bool whole = size == waiting;; whole = true, size = waiting) {
            const auto* bytes = reinterpret_cast<const char*>(evbuffer_pullup(input, static_cast<ev_ssize_t>(size)));
            const std::size_t taken = callbacks_.data({bytes, size});
            if (!*alive) return;
            if (ended_) return;
            evbuffer_drain(input, taken);
            if (taken > 0) break;
            if (whole) return;                     // needs more than there is, or waits for somebody
        }
    }
}

void Connection::write(std::string_view bytes) {
    if (ended_ || !stream_) return;
    if (!is_tls() && !callbacks_.drained) bytes.remove_prefix(write_now(bytes, 0));
    if (!bytes.empty()) bufferevent_write(stream_.get(), bytes.data(), bytes.size());
}

void Connection::write_last(std::string_view bytes) {
    if (ended_ || !stream_) return;
    if (!is_tls() && !callbacks_.drained && !bytes.empty()) {
        bytes.remove_prefix(write_now(bytes, MSG_MORE));
        corked_ = true;
    }
    if (!bytes.empty()) bufferevent_write(stream_.get(), bytes.data(), bytes.size());
    finish();
}

// In clear, and with nothing queued before, a reply goes out at once: through the buffer it costs two changes of the
// poll set and another turn of the loop, more than all else an SMTP command costs. What is left, and an error, are the
// buffer's.
std::size_t Connection::write_now(std::string_view bytes, int flags) {
    if (unsent() != 0) return 0;
    const ssize_t sent = ::send(bufferevent_getfd(stream_.get()), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL | flags);
    return sent > 0 ? static_cast<std::size_t>(sent) : 0;
}

std::size_t Connection::unsent() const {
    return stream_ ? evbuffer_get_length(bufferevent_get_output(stream_.get())) : 0;
}

void Connection::start_tls(std::shared_ptr<const Context> context, std::string_view answer) {
    if (ended_) return;
    bufferevent_disable(stream_.get(), EV_READ);
    write(answer);
    context_ = std::move(context);
    starting_tls_ = true;
    // Deferred: from inside data() the bytes being taken are still in the buffer.
    if (unsent() == 0) loop_.defer([this, alive = alive_] { if (*alive && starting_tls_ && !ended_) begin_tls(); });
}

void Connection::start_tls(ClientTls tls) {
    if (ended_) return;
    bufferevent_disable(stream_.get(), EV_READ);
    client_ = true;
    next_ = std::move(tls);
    starting_tls_ = true;
    loop_.defer([this, alive = alive_] { if (*alive && starting_tls_ && !ended_) begin_tls(); });
}

// The answer to STARTTLS has left, or has come: a new bufferevent on the same socket, so that nothing of the old buffers is ever
// taken for decrypted bytes.
void Connection::begin_tls() {
    if (evbuffer_get_length(bufferevent_get_input(stream_.get())) != 0) return end(std::string(clear_behind_starttls));
    const int fd = static_cast<int>(bufferevent_getfd(stream_.get()));
    bufferevent_setcb(stream_.get(), nullptr, nullptr, nullptr, nullptr);
    bufferevent_setfd(stream_.get(), -1);
    starting_tls_ = false;
    loop_.defer([old = std::shared_ptr<bufferevent>(stream_.release(), bufferevent_free)] {});
    adopt(fd);
    bufferevent_enable(stream_.get(), EV_READ | EV_WRITE);
}

void Connection::pause() {
    paused_ = true;
    bufferevent_disable(stream_.get(), EV_READ);
}

void Connection::resume() {
    if (ended_ || !paused_) return;
    paused_ = false;
    bufferevent_enable(stream_.get(), EV_READ);
    loop_.defer([this, alive = alive_] { if (*alive && !ended_) offer(); });
}

void Connection::finish() {
    if (ended_ || finishing_) return;
    finishing_ = true;
    bufferevent_disable(stream_.get(), EV_READ);
    if (unsent() == 0) loop_.defer([this, alive = alive_] { if (*alive && !ended_) end("finished"); });
}

void Connection::close() {
    loop_.defer([this, alive = alive_] { if (*alive && !ended_) end("closed"); });
}

void Connection::end(std::string why) {
    if (ended_) return;
    ended_ = true;
    if (secure_) SSL_shutdown(bufferevent_openssl_get_ssl(stream_.get()));     // close_notify, best effort
    ERR_clear_error();
    if (finishing_) end_stream();
    bufferevent_disable(stream_.get(), EV_READ | EV_WRITE);
    if (callbacks_.closed) {
        const auto closed = std::exchange(callbacks_.closed, nullptr);
        closed(why);
    }
}

// Sends what is held back together with our end; unread bytes of the peer's must not make a reset of it.
void Connection::end_stream() {
    const int fd = static_cast<int>(bufferevent_getfd(stream_.get()));
    int unread = 0;
    if (::ioctl(fd, FIONREAD, &unread) != 0 || unread == 0) {
        if (corked_) ::shutdown(fd, SHUT_WR);
        return;
    }
    ::shutdown(fd, SHUT_WR);
    close_gently(loop_, Fd(::fcntl(fd, F_DUPFD_CLOEXEC, 0)));      // the bufferevent closes its own
}

std::string Connection::tls_version() const {
    return secure_ ? SSL_get_version(bufferevent_openssl_get_ssl(stream_.get())) : "";
}
std::string Connection::tls_cipher() const {
    return secure_ ? SSL_get_cipher_name(bufferevent_openssl_get_ssl(stream_.get())) : "";
}
int Connection::tls_bits() const {
    return secure_ ? SSL_get_cipher_bits(bufferevent_openssl_get_ssl(stream_.get()), nullptr) : 0;
}

ssl_st* Connection::native() const { return bufferevent_openssl_get_ssl(stream_.get()); }

Authentication Connection::authentication() const {
    return secure_ && client_ ? authentication_of(native()) : Authentication::none;
}

PeerFault Connection::fault() const { return stream_ && client_ ? fault_of_peer(native()) : PeerFault{}; }

bool Connection::is_resumed() const { return secure_ && SSL_session_reused(native()) == 1; }

ipc::ChannelBindings Connection::channel_bindings() const {
    return secure_ ? tls::channel_bindings(bufferevent_openssl_get_ssl(stream_.get())) : ipc::ChannelBindings{};
}

Fd Connection::release_socket() {
    ended_ = true;
    callbacks_.closed = nullptr;
    const int fd = static_cast<int>(bufferevent_getfd(stream_.get()));
    bufferevent_disable(stream_.get(), EV_READ | EV_WRITE);
    bufferevent_setfd(stream_.get(), -1);
    return Fd(fd);
}

PeerName peer_of(int socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    char text[INET6_ADDRSTRLEN] = "";
    if (::getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0) return {"local", 0};
    if (address.ss_family == AF_INET) {
        const auto& in4 = reinterpret_cast<const sockaddr_in&>(address);
        return {::inet_ntop(AF_INET, &in4.sin_addr, text, sizeof text), ntohs(in4.sin_port)};
    }
    if (address.ss_family == AF_INET6) {
        const auto& in6 = reinterpret_cast<const sockaddr_in6&>(address);
        return {::inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text), ntohs(in6.sin6_port)};
    }
    return {"local", 0};
}

} // namespace postern::tls
