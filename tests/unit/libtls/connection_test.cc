#include "libtls/connection.h"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace postern;
using namespace postern::tls;
using namespace std::chrono_literals;

namespace {

// A connection whose other end sends `sent` at once; its session takes one line and answers it by starting TLS. The other
// end says hello the moment it is answered.
struct StartTls {
    Loop loop;
    Fd peer, ours;
    std::unique_ptr<Connection> connection;
    std::string ended, unread;

    StartTls(std::string_view sent, const std::string& answer) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        peer = Fd(ends[1]);
        ours = Fd(::fcntl(ends[0], F_DUPFD_CLOEXEC, 0));
        REQUIRE(::write(peer.get(), sent.data(), sent.size()) == static_cast<ssize_t>(sent.size()));
        Connection::Callbacks callbacks;
        callbacks.data = [&](std::string_view bytes) {
            connection->start_tls(nullptr, answer);
            REQUIRE(::write(peer.get(), "hello", 5) == 5);
            return bytes.find('\n') + 1;
        };
        callbacks.closed = [&](std::string_view why) { ended = why; };
        connection = std::make_unique<Connection>(loop, Fd(ends[0]), std::move(callbacks));
        Timer enough(loop, [&] { loop.stop(); });
        enough.once(20ms);
        loop.run();
        char bytes[16];
        const ssize_t got = ::recv(ours.get(), bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
        if (got > 0) unread.assign(bytes, static_cast<std::size_t>(got));
    }
};

} // namespace

TEST_CASE("nothing is read in clear once STARTTLS is answered, however quick the peer") {
    StartTls clean("STARTTLS\r\n", std::string(8 * 1024 * 1024, 'x'));   // never leaves: no handshake begins
    CHECK(clean.ended.empty());
    CHECK(clean.unread == "hello");
}

TEST_CASE("bytes behind STARTTLS end the connection") {
    StartTls injected("STARTTLS\r\nNOOP\r\n", "220 go\r\n");
    CHECK(injected.ended == Connection::clear_behind_starttls);
}

namespace {

// Both ends of a TCP connection over loopback: (client, server).
std::pair<Fd, Fd> tcp_pair() {
    const Fd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    REQUIRE(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    Fd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    return {std::move(client), Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK))};
}

} // namespace

TEST_CASE("the last words arrive although the client sent more than was read") {
    Loop loop;
    auto ends = tcp_pair();
    Fd client = std::move(ends.first), server = std::move(ends.second);
    const std::string much(300'000, 'x');
    REQUIRE(::write(client.get(), much.data(), 100'000) == 100'000);
    std::unique_ptr<Connection> connection;
    Connection::Callbacks callbacks;
    callbacks.data = [&](std::string_view bytes) {
        connection->write_last("421 too much\r\n");
        return bytes.size();
    };
    callbacks.closed = [&](std::string_view) { loop.defer([&] { connection.reset(); }); };
    connection = std::make_unique<Connection>(loop, std::move(server), std::move(callbacks));
    std::string heard;
    int how = -1;
    // It has not noticed yet and goes on. A reset makes this fail, and makes other systems forget what they have not read.
    int turns = 0;
    Timer goes_on(loop, [&, fd = client.get()] {
        const bool failed = ::send(fd, "x", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0;
        if (!failed && ++turns < 50) return;
        how = failed ? errno : 0;
        loop.stop();
    });
    std::unique_ptr<Watch> answers;
    answers = std::make_unique<Watch>(loop, client.get(), Watch::For::read, [&, fd = client.get()] {
        char bytes[256];
        const ssize_t got = ::recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got > 0) {
            heard.append(bytes, static_cast<std::size_t>(got));
            return;
        }
        if (got < 0 && errno == EAGAIN) return;
        answers->disable();
        goes_on.every(1ms);
    });
    answers->enable();
    loop.run();
    CHECK(heard == "421 too much\r\n");
    CHECK(how == 0);
    answers.reset();
    client.reset();                                      // its end is what our side waited for
    Timer over(loop, [&] { loop.stop(); });
    over.once(1ms);
    loop.run();
}
