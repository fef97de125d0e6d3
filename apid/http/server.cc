#include "apid/http/server.h"

#include "libcommon/log.h"

#include <algorithm>
#include <ctime>
#include <sys/socket.h>

namespace postern::http {

// One connection. Lives until its Connection says closed, or longer while a handler still owes it an answer.
class Server::Session : public std::enable_shared_from_this<Session> {
  public:
    Session(Server& server, Caller caller)
        : server_(server), caller_(std::move(caller)), parser_(server.settings_.limits),
          deadline_(server.loop_, [this] { expired(); }) {}

    void begin(Fd socket, std::shared_ptr<const tls::Context> context) {
        connection_ = std::make_unique<tls::Connection>(
            server_.loop_, std::move(socket),
            tls::Connection::Callbacks{
                .data = [this](std::string_view bytes) { return data(bytes); },
                .drained = {},
                .secured = {},
                .closed = [this](std::string_view) { closed(); },
            },
            std::move(context));
        deadline_.once(server_.settings_.request_deadline);
    }

    bool busy() const { return answering_; }
    void finish_when_idle() {
        last_ = true;
        if (!answering_ && !parser_.in_request()) connection_->close();
    }

  private:
    std::size_t data(std::string_view bytes) {
        if (answering_ || finished_) return 0;                  // pipelined: offered again after the answer
        const bool was_idle = !parser_.in_request();
        std::size_t taken = 0;
        const auto state = parser_.feed(bytes, taken);
        if (was_idle && parser_.in_request()) deadline_.once(server_.settings_.request_deadline);
        if (parser_.wants_continue()) connection_->write("HTTP/1.1 100 Continue\r\n\r\n");
        if (state == RequestParser::State::refused) refuse();
        if (state == RequestParser::State::complete) handle(parser_.take());
        return taken;
    }

    void handle(Request request) {
        answering_ = true;
        head_only_ = request.method == "HEAD";
        last_ = last_ || !request.keep_alive;
        deadline_.cancel();                                     // the handler has deadlines of its own
        connection_->pause();
        server_.handler_(std::move(request), caller_, [weak = weak_from_this()](Response response) {
            if (const auto self = weak.lock()) self->answer(response);
        });
    }

    void answer(const Response& response) {
        if (ended_ || !answering_) return;
        answering_ = false;
        connection_->write(to_bytes(response, head_only_, !last_, std::time(nullptr)));
        if (last_) return finish();
        deadline_.once(server_.settings_.idle);
        // Not from inside the handler: a client that pipelines a thousand requests must not nest them.
        server_.loop_.defer([weak = weak_from_this()] {
            if (const auto self = weak.lock(); self && !self->ended_) self->connection_->resume();
        });
    }

    void refuse() {
        const Refusal& refusal = parser_.refusal();
        log::info("api.request.refused", {{"client", caller_.address}, {"status", refusal.status}, {"why", refusal.why}});
        connection_->write(to_bytes(problem(refusal.status, refusal.why), false, false, std::time(nullptr)));
        finish();
    }

    void finish() {
        finished_ = true;
        deadline_.once(server_.settings_.request_deadline);     // a peer that never reads its answer goes too
        connection_->finish();
    }

    void expired() {
        if (parser_.in_request() && !finished_) {
            connection_->write(to_bytes(problem(408, "the request took too long"), false, false, std::time(nullptr)));
            finish();
        } else {
            connection_->close();
        }
    }

    void closed() {
        ended_ = true;
        deadline_.cancel();
        server_.ended(*this);
    }

    Server& server_;
    Caller caller_;
    RequestParser parser_;
    Timer deadline_;
    std::unique_ptr<tls::Connection> connection_;
    bool answering_ = false, head_only_ = false, last_ = false, finished_ = false, ended_ = false;
};

Server::Server(Loop& loop, ServerSettings settings, Handler handler)
    : loop_(loop), settings_(settings), handler_(std::move(handler)) {}
Server::~Server() = default;

void Server::listen(std::vector<Fd> sockets, std::shared_ptr<const tls::Context> context, Admit admit) {
    listeners_.clear();
    context_ = std::move(context);
    admit_ = std::move(admit);
    for (Fd& socket : sockets) {
        const int fd = socket.get();
        auto watch = std::make_unique<Watch>(loop_, fd, Watch::For::read, [this, fd] { accept_all(fd); });
        watch->enable();
        listeners_.push_back({std::move(socket), std::move(watch)});
    }
}

// Bounded: other events get their turn while a flood of connections waits.
void Server::accept_all(int listener) {
    for (int i = 0; i < 64; ++i) {
        Fd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!socket) return;
        open(std::move(socket));
    }
}

void Server::open(Fd socket) {
    if (sessions_.size() >= settings_.max_connections) return;   // closed at once: the client may try again
    const tls::PeerName peer = tls::peer_of(socket.get());
    Caller caller{.address = peer.address, .uid = 0, .is_local = peer.address == "local"};
    if (admit_ && !admit_(socket.get(), caller)) return;
    auto session = std::make_shared<Session>(*this, std::move(caller));
    sessions_.push_back(session);
    session->begin(std::move(socket), context_);
}

void Server::ended(Session& session) {
    // Not destroyed inside its own callback.
    const auto at = std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& s) { return s.get() == &session; });
    if (at == sessions_.end()) return;
    loop_.defer([gone = std::move(*at)] {});
    sessions_.erase(at);
    check_idle();
}

void Server::drain(std::function<void()> idle) {
    listeners_.clear();
    idle_ = std::move(idle);
    const auto all = sessions_;
    for (const auto& session : all) session->finish_when_idle();
    check_idle();
}

void Server::check_idle() {
    if (idle_ && sessions_.empty()) std::exchange(idle_, nullptr)();
}

} // namespace postern::http
