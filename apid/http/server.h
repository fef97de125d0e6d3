// HTTP/1.1 over accepted sockets, in clear or under TLS: one request at a time per connection, each with a deadline
// for all of it, so that a slow sender costs a connection for half a minute and no longer.
#pragma once

#include "apid/http/request_parser.h"
#include "apid/http/response.h"
#include "libtls/connection.h"

#include <chrono>
#include <functional>
#include <list>
#include <memory>

namespace postern::http {

// Who sent it: what the kernel says, never what the client says.
struct Caller {
    std::string address;         // "192.0.2.1", or "local" for a Unix socket
    std::uint32_t uid = 0;       // of a Unix socket's peer
    bool is_local = false;
};

using Respond = std::function<void(Response)>;   // exactly once; later than the connection's end is harmless
using Handler = std::function<void(Request, const Caller&, Respond)>;

struct ServerSettings {
    Limits limits;
    std::chrono::milliseconds request_deadline = std::chrono::seconds(30);
    std::chrono::milliseconds idle = std::chrono::seconds(60);
    std::size_t max_connections = 512;
};

class Server {
  public:
    Server(Loop& loop, ServerSettings settings, Handler handler);
    ~Server();
    Server(const Server&) = delete;

    // Whether a peer of a Unix socket is served at all.
    using Admit = std::function<bool(int socket, Caller& caller)>;

    // The whole set: those of before are closed, connections stay. A null context means in clear.
    void listen(std::vector<Fd> sockets, std::shared_ptr<const tls::Context> context, Admit admit = nullptr);

    // No new connections; `idle` once the running requests are answered.
    void drain(std::function<void()> idle);

  private:
    class Session;
    void accept_all(int listener);
    void open(Fd socket);
    void ended(Session& session);
    void check_idle();

    Loop& loop_;
    ServerSettings settings_;
    Handler handler_;
    Admit admit_;
    std::shared_ptr<const tls::Context> context_;
    struct Listening {
        Fd socket;
        std::unique_ptr<Watch> watch;
    };
    std::vector<Listening> listeners_;
    std::list<std::shared_ptr<Session>> sessions_;
    std::function<void()> idle_;
};

} // namespace postern::http
