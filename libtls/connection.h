// One byte stream on the loop, plain or TLS: a client's that came to us, or ours to a server. The session above it sees
// bytes and gives bytes; it never sees OpenSSL.
#pragma once

#include "libcommon/loop.h"
#include "libcommon/owned.h"
#include "libtls/client.h"
#include "libtls/context.h"
#include "ipc/auth.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct bufferevent;
struct ssl_st;

namespace postern::tls {

class Connection {
  public:
    struct Callbacks {
        // Bytes came (or came before and could now be taken). Returns how many were taken; the rest is offered again
        // with the next bytes, or by resume(). More than `read_ahead` untaken bytes stop the reading.
        std::function<std::size_t(std::string_view)> data;
        // All that was written has left us. May be empty.
        std::function<void()> drained;
        // The handshake is complete. May be empty.
        std::function<void()> secured;
        // The end: by the peer, an error (`why` says which), or close(). Called once, from the loop, never from
        // inside another call; destroy the connection here or later.
        std::function<void(std::string_view why)> closed;
    };

    // Takes over an accepted socket. With a context the TLS handshake starts at once.
    Connection(Loop& loop, Fd socket, Callbacks callbacks, std::shared_ptr<const Context> context = nullptr);
    // Takes over a socket that is connected to a server. With `tls` (smtps) the handshake starts at once.
    Connection(Loop& loop, Fd socket, Callbacks callbacks, ClientTls tls);
    ~Connection();
    Connection(const Connection&) = delete;

    void write(std::string_view bytes);
    // The last words, and finish(): in clear they share a packet with the end of the connection.
    void write_last(std::string_view bytes);
    std::size_t unsent() const;          // bytes written and not yet taken by the kernel

    // Stops reading, then writes `answer`, the one to STARTTLS, and begins the handshake once that has left: a quick peer
    // says hello the moment it has it. Bytes of the peer's that were read before, behind STARTTLS, came in clear: they are
    // never taken for encrypted ones, they end the connection as `clear_behind_starttls`.
    void start_tls(std::shared_ptr<const Context> context, std::string_view answer);
    static constexpr std::string_view clear_behind_starttls = "bytes in clear behind STARTTLS";
    // The same for us as a client, once the server has said go.
    void start_tls(ClientTls tls);

    void pause();                        // takes no bytes from now on
    void resume();                       // offers what waits, then reads on
    void finish();                       // close once everything written has left; no more data() calls
    void close();                        // now

    bool is_secure() const { return secure_; }
    std::string tls_version() const;     // "TLSv1.3"; empty in clear
    std::string tls_cipher() const;      // "TLS_AES_256_GCM_SHA384"
    int tls_bits() const;
    // Of a client: how the server proved who it is, as far as it was asked to; and what was wrong with it.
    Authentication authentication() const;
    PeerFault fault() const;
    bool is_resumed() const;             // no certificate was shown: this goes on from a session before it
    // What SCRAM-SHA-256-PLUS binds a login to; empty in clear.
    ipc::ChannelBindings channel_bindings() const;

    // Takes the plain socket out, for handing it to another process; the connection is dead after it.
    Fd release_socket();

    static constexpr std::size_t read_ahead = 64 * 1024;

  private:
    struct Hooks;
    Connection(Loop& loop, Fd socket, Callbacks callbacks, ClientTls client, std::shared_ptr<const Context> server);
    bool is_tls() const { return context_ || client_; }
    void adopt(int socket);
    ssl_st* native() const;
    void offer();
    std::size_t write_now(std::string_view bytes, int flags);
    void begin_tls();
    void end(std::string why);
    void end_stream();

    Loop& loop_;
    Callbacks callbacks_;
    std::unique_ptr<bufferevent, void (*)(bufferevent*)> stream_;
    std::shared_ptr<const Context> context_;     // of a server, from STARTTLS on
    bool client_ = false;                        // the same of a client
    ClientTls next_;                             // until its handshake begins
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    bool secure_ = false, paused_ = false, finishing_ = false, ended_ = false, starting_tls_ = false;
    bool corked_ = false;                // the last words wait for the end of the connection
};

// "192.0.2.1" or "2001:db8::1" and the port, of the other end; "local" for a Unix socket.
struct PeerName {
    std::string address;
    std::uint16_t port = 0;
};
PeerName peer_of(int socket);

} // namespace postern::tls
