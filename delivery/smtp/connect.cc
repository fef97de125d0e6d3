#include "delivery/smtp/connect.h"

#include <arpa/inet.h>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>

namespace postern::smtp_out {
namespace {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress socket_address(const IpAddress& address, std::uint16_t port) {
    SocketAddress out;
    const std::string text = address.text();
    if (address.is_v4()) {
        auto& in4 = reinterpret_cast<sockaddr_in&>(out.storage);
        in4.sin_family = AF_INET;
        in4.sin_port = htons(port);
        ::inet_pton(AF_INET, text.c_str(), &in4.sin_addr);
        out.size = sizeof in4;
    } else {
        auto& in6 = reinterpret_cast<sockaddr_in6&>(out.storage);
        in6.sin6_family = AF_INET6;
        in6.sin6_port = htons(port);
        ::inet_pton(AF_INET6, text.c_str(), &in6.sin6_addr);
        out.size = sizeof in6;
    }
    return out;
}

Error our_fault(std::string_view what) { return Error(Errc::unavailable, Error::from_errno(what).message()); }

Error not_connected(int failure) { return Error(Errc::closed, Error::from_errno("not connected", failure).message()); }

} // namespace

Connect::Connect(Loop& loop, const IpAddress& to, std::uint16_t port, const std::optional<IpAddress>& from,
                 std::chrono::milliseconds limit, Done done)
    : limit_(loop, [this] { finish(Error(Errc::timeout, "not connected: no answer in time")); }), done_(std::move(done)),
      alive_(std::make_shared<bool>(true)) {
    if (auto begun = begin(to, port, from); !begun) {
        loop.defer([this, alive = std::weak_ptr<bool>(alive_), error = begun.error()] { if (alive.lock()) finish(error); });
        return;
    }
    limit_.once(limit);
    writable_ = std::make_unique<Watch>(loop, socket_.get(), Watch::For::write, [this] { writable(); });
    writable_->enable();
}

Result<void> Connect::begin(const IpAddress& to, std::uint16_t port, const std::optional<IpAddress>& from) {
    socket_ = Fd(::socket(to.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket_) return our_fault("no socket");
    if (from) {
        const SocketAddress ours = socket_address(*from, 0);
        if (::bind(socket_.get(), ours.get(), ours.size) != 0) return our_fault("from " + from->text());
    }
    const SocketAddress theirs = socket_address(to, port);
    if (::connect(socket_.get(), theirs.get(), theirs.size) != 0 && errno != EINPROGRESS) return not_connected(errno);
    return {};
}

void Connect::writable() {
    int failure = 0;
    socklen_t size = sizeof failure;
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &failure, &size);
    if (failure != 0) return finish(not_connected(failure));
    writable_->disable();
    finish(std::move(socket_));
}

void Connect::finish(Result<Fd> result) {
    limit_.cancel();
    if (writable_) writable_->disable();
    const auto done = std::exchange(done_, nullptr);
    if (done) done(std::move(result));               // may destroy this
}

} // namespace postern::smtp_out
