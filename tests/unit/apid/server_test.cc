// The server over real sockets on loopback: framing, keeping alive, deadlines.
#include "apid/http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::http;
using namespace std::chrono_literals;

namespace {

struct Listener {
    Fd socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    sockaddr_in address{};

    Listener() {
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
        REQUIRE(::listen(socket.get(), 16) == 0);
        socklen_t size = sizeof address;
        REQUIRE(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
    }
};

// Sends all, then reads until the server closes.
std::string talk(const sockaddr_in& address, std::string_view bytes) {
    Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return "no connection";
    if (::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) return "not sent";
    std::string out;
    char buffer[4096];
    for (ssize_t n; (n = ::recv(socket.get(), buffer, sizeof buffer, 0)) > 0;) out.append(buffer, static_cast<std::size_t>(n));
    return out;
}

std::string serve_once(std::string_view bytes, ServerSettings settings = {}) {
    Loop loop;
    Listener listener;
    Server server(loop, settings, [&](Request request, const Caller& caller, Respond respond) {
        std::string body = request.method + " " + request.path + " " + request.body + " " + caller.address;
        // Answered later, as a handler that asks another service would.
        loop.defer([respond, body] { respond({.status = 200, .content_type = "text/plain", .body = body, .headers = {}}); });
    });
    std::vector<Fd> sockets;
    sockets.push_back(std::move(listener.socket));
    server.listen(std::move(sockets), nullptr);
    std::string out;
    std::thread client([&] {
        out = talk(listener.address, bytes);
        loop.post([&] { loop.stop(); });
    });
    loop.run();
    client.join();
    return out;
}

std::size_t count(std::string_view text, std::string_view what) {
    std::size_t n = 0;
    for (auto at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++n;
    return n;
}

} // namespace

TEST_CASE("Pipelined requests are answered in order, the last one closes") {
    const auto out = serve_once("GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
                                "HEAD /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    CHECK(count(out, "HTTP/1.1 200 OK") == 3);
    CHECK(out.find("GET /a  127.0.0.1") < out.find("POST /b hi 127.0.0.1"));
    CHECK(out.ends_with("\r\n\r\n"));   // HEAD: no body
}

TEST_CASE("A refused request ends the connection, whatever follows") {
    const auto out = serve_once("GET / HTTP/1.1\r\nHost : x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(out.starts_with("HTTP/1.1 400 Bad Request"));
    CHECK(count(out, "HTTP/1.1") == 1);
}

TEST_CASE("A request has a deadline for all of it, an idle connection one of its own") {
    ServerSettings settings;
    settings.request_deadline = 30ms;
    settings.idle = 30ms;
    CHECK(serve_once("GET / HTTP/1.1\r\nHost:", settings).starts_with("HTTP/1.1 408"));
    CHECK(serve_once("", settings).empty());
    CHECK(count(serve_once("GET / HTTP/1.1\r\nHost: x\r\n\r\n", settings), "HTTP/1.1") == 1);
}

TEST_CASE("A client that waits for continue is told to") {
    ServerSettings settings;
    settings.request_deadline = 30ms;
    const auto out = serve_once("PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n", settings);
    CHECK(out.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 408"));
}
