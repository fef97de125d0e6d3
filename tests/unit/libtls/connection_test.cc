#include "libtls/connection.h"

#include <catch2/catch.hpp>

#include <sys/socket.h>
#include <unistd.h>

using namespace postern;
using namespace postern::tls;

namespace {

// A connection whose other end sends `sent` at once, and whose session takes one line and starts TLS from inside data().
struct StartTls {
    Loop loop;
    Fd peer;
    bool started = false;
    std::string ended;

    explicit StartTls(std::string_view sent) {
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        peer = Fd(ends[1]);
        REQUIRE(::write(ends[1], sent.data(), sent.size()) == static_cast<ssize_t>(sent.size()));
        std::unique_ptr<Connection> connection;
        Connection::Callbacks callbacks;
        callbacks.data = [&](std::string_view bytes) {
            started = connection->start_tls(nullptr);
            loop.defer([&] { loop.stop(); });
            return bytes.find('\n') + 1;
        };
        callbacks.closed = [&](std::string_view why) { ended = why; };
        connection = std::make_unique<Connection>(loop, Fd(ends[0]), std::move(callbacks));
        // The reply to STARTTLS: while it has not left, no handshake begins.
        if (sent.size() == sent.find('\n') + 1) connection->write(std::string(8 * 1024 * 1024, 'x'));
        loop.run();
    }
};

} // namespace

TEST_CASE("TLS can be started from inside data()") {
    StartTls clean("STARTTLS\r\n");
    CHECK(clean.started);
    CHECK(clean.ended.empty());
}

TEST_CASE("bytes behind STARTTLS end the connection") {
    StartTls injected("STARTTLS\r\nNOOP\r\n");
    CHECK(injected.ended == "bytes in clear behind STARTTLS");
}
