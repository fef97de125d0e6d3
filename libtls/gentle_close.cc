#include "libtls/gentle_close.h"

#include <cerrno>
#include <sys/socket.h>

namespace postern::tls {
namespace {

constexpr std::chrono::seconds patience(2);
constexpr std::size_t most_bytes = 256 * 1024, most_sockets = 1000;

// Holds itself until the peer has ended or a limit is reached.
struct Closing {
    Closing(Loop& on, Fd taken)
        : loop(on), socket(std::move(taken)), readable(on, socket.get(), Watch::For::read, [this] { read(); }),
          limit(on, [this] { end(); }) {
        ++open;
    }
    ~Closing() { --open; }

    void read() {
        char dropped[16 * 1024];
        const ssize_t size = ::recv(socket.get(), dropped, sizeof dropped, MSG_DONTWAIT);
        if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (size <= 0 || static_cast<std::size_t>(size) >= left) return end();
        left -= static_cast<std::size_t>(size);
    }
    void end() {
        readable.disable();
        limit.cancel();
        loop.defer([gone = std::move(self)] {});             // one of our own callbacks runs
    }

    static inline thread_local std::size_t open = 0;
    Loop& loop;
    Fd socket;
    Watch readable;
    Timer limit;
    std::size_t left = most_bytes;
    std::shared_ptr<Closing> self;
};

} // namespace

void close_gently(Loop& loop, Fd socket) {
    if (!socket || Closing::open >= most_sockets) return;
    const auto closing = std::make_shared<Closing>(loop, std::move(socket));
    closing->self = closing;
    closing->readable.enable();
    closing->limit.once(patience);
}

} // namespace postern::tls
