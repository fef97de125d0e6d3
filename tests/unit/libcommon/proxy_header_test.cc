#include "libcommon/proxies.h"
#include "libcommon/proxy_header.h"

#include "libcommon/crc32c.h"
#include "libcommon/log.h"

#include <catch2/catch.hpp>
#include <sys/socket.h>
#include <unistd.h>

using namespace postern;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

std::string shown(std::string_view bytes) {
    const ProxyParse parsed = parse_proxy_header(bytes);
    switch (parsed.state) {
    case ProxyParse::State::incomplete: return "more";
    case ProxyParse::State::malformed: return "bad";
    case ProxyParse::State::complete: break;
    }
    const ProxyHeader& header = parsed.header;
    return std::to_string(parsed.length) + " " + (header.client ? header.client->text() + " " + std::to_string(header.client_port) + " at " + header.server->text() : "itself");
}

// Section 2.2: signature, version and command, family, length, the rest.
std::string v2(char command, char family, std::string_view rest) {
    std::string header("\r\n\r\n\0\r\nQUIT\n"sv);
    header += {command, family, static_cast<char>(rest.size() >> 8), static_cast<char>(rest.size())};
    return header.append(rest);
}
constexpr auto v4_block = "\xC0\x00\x02\x01\xCB\x00\x71\x05\x30\x39\x00\x19"sv;       // 192.0.2.1:12345 to 203.0.113.5:25
const std::string v6_block = std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16) + std::string(16, '\x01') + "\x30\x39\x03\xE1";

std::string with_checksum(std::string rest) {
    rest += "\x03\x00\x04\0\0\0\0"sv;
    std::string header = v2(0x21, 0x11, rest);
    const std::uint32_t sum = crc32c(header);
    for (std::size_t i = 0; i < 4; ++i) header[header.size() - 4 + i] = static_cast<char>(sum >> (24 - 8 * i));
    return header;
}

} // namespace

TEST_CASE("PROXY protocol, version 1") {
    struct Case { std::string_view bytes, expect; };
    constexpr Case cases[] = {
        {"PROXY TCP4 192.0.2.1 203.0.113.5 12345 25\r\n", "43 192.0.2.1 12345 at 203.0.113.5"},
        {"PROXY TCP4 192.0.2.1 203.0.113.5 12345 25\r\nEHLO x\r\n", "43 192.0.2.1 12345 at 203.0.113.5"},
        {"PROXY TCP6 2001:db8::1 2001:db8::2 1 993\r\n", "42 2001:db8::1 1 at 2001:db8::2"},
        {"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "56 255.255.255.255 65535 at 255.255.255.255"},
        {"PROXY UNKNOWN\r\n", "15 itself"},
        {"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "59 itself"},
        {"", "more"},
        {"P", "more"},
        {"PROXY ", "more"},
        {"PROXY TCP4 192.0.2.1 203.0.113.5 12345 25\r", "more"},
        {"PROXY TCP4 192.0.2.1 203.0.113.5 12345 25\n", "bad"},
        {"PROXY  TCP4 192.0.2.1 203.0.113.5 12345 25\r\n", "bad"},
        {"PROXY TCP4 192.0.2.1 203.0.113.5 12345\r\n", "bad"},
        {"PROXY TCP4 192.0.2.1 203.0.113.5 12345 25 \r\n", "bad"},
        {"PROXY TCP4 192.0.2.1 203.0.113.5 12345 65536\r\n", "bad"},
        {"PROXY TCP4 192.0.2.1 203.0.113.5 012345 25\r\n", "bad"},
        {"PROXY TCP4 192.0.2.1 203.0.113.5 -1 25\r\n", "bad"},
        {"PROXY TCP4 192.0.2.256 203.0.113.5 1 25\r\n", "bad"},
        {"PROXY TCP4 192.0.02.1 203.0.113.5 1 25\r\n", "bad"},
        {"PROXY TCP4 2001:db8::1 2001:db8::2 1 25\r\n", "bad"},
        {"PROXY TCP6 192.0.2.1 192.0.2.2 1 25\r\n", "bad"},
        {"PROXY UDP4 192.0.2.1 203.0.113.5 1 25\r\n", "bad"},
        {"proxy TCP4 192.0.2.1 203.0.113.5 12345 25\r\n", "bad"},
        {"EHLO client.example\r\n", "bad"},
        {"\x16\x03\x01\x02\x00\x01", "bad"},                                // a TLS handshake
    };
    for (const Case& c : cases) {
        INFO(c.bytes);
        CHECK(shown(c.bytes) == c.expect);
    }
    const std::string endless = "PROXY UNKNOWN " + std::string(200, 'x');
    CHECK(shown(endless.substr(0, 106)) == "more");
    CHECK(shown(endless.substr(0, 107)) == "bad");
    CHECK(shown("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n") == "107 itself");
}

TEST_CASE("PROXY protocol, version 2") {
    const std::string v4(v4_block);
    struct Case { std::string bytes; std::string_view expect; };
    const Case cases[] = {
        {v2(0x21, 0x11, v4), "28 192.0.2.1 12345 at 203.0.113.5"},
        {v2(0x21, 0x21, v6_block), "52 2001:db8::1 12345 at 101:101:101:101:101:101:101:101"},
        {v2(0x21, 0x11, v4 + "\x04\x00\x02xx"s), "33 192.0.2.1 12345 at 203.0.113.5"},          // NOOP
        {v2(0x21, 0x11, v4 + "\x20\x00\x05\x07\0\0\0\0\xE0\x00\x00"s), "39 192.0.2.1 12345 at 203.0.113.5"},
        {with_checksum(v4), "35 192.0.2.1 12345 at 203.0.113.5"},
        {v2(0x20, 0x00, ""), "16 itself"},                                       // LOCAL
        {v2(0x20, 0x11, v4), "28 itself"},
        {v2(0x20, 0x7F, "anything"), "24 itself"},
        {v2(0x21, 0x00, ""), "16 itself"},                                       // UNSPEC
        {v2(0x21, 0x31, std::string(216, 'u')), "232 itself"},                   // a Unix socket
        {v2(0x21, 0x11, v4.substr(0, 11)), "bad"},                               // shorter than its addresses
        {v2(0x21, 0x21, v4), "bad"},
        {v2(0x21, 0x12, v4), "bad"},                                             // datagrams
        {v2(0x21, 0x41, v4), "bad"},
        {v2(0x22, 0x11, v4), "bad"},
        {v2(0x11, 0x11, v4), "bad"},                                             // version 1
        {v2(0x21, 0x11, v4 + "\x04\x00"s), "bad"},
        {v2(0x21, 0x11, v4 + "\x04\x00\x03xx"s), "bad"},
        {v2(0x21, 0x11, v4 + "\x03\x00\x04zzzz"s), "bad"},                       // a wrong checksum
        {v2(0x21, 0x11, v4 + "\x03\x00\x03zzz"s), "bad"},
        {v2(0x20, 0x00, std::string(max_proxy_header - 15, 'x')), "bad"},
        {v2(0x20, 0x00, std::string(max_proxy_header - 16, 'x')), "4096 itself"},
    };
    for (const Case& c : cases) {
        INFO(c.bytes);
        CHECK(shown(c.bytes) == c.expect);
        CHECK(shown(c.bytes + "EHLO") == c.expect);
        if (c.expect == "bad") continue;
        for (std::size_t size = 0; size < std::min<std::size_t>(c.bytes.size(), 60); ++size) CHECK(shown(c.bytes.substr(0, size)) == "more");
    }
}

namespace {

// A connection from a proxy that says `pieces` one after the other.
struct Proxied {
    Loop loop;
    Proxies proxies{loop};
    Fd peer, admitted;
    std::string client, server;

    explicit Proxied(std::vector<std::string_view> pieces, bool close = false) {
        log::set_level(log::Level::error);
        int ends[2];
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
        peer = Fd(ends[0]);
        proxies.take(Fd(ends[1]), *IpAddress::parse("198.51.100.7"), TraceId{1}, [this](Fd socket, const IpAddress& who, const std::optional<IpAddress>& where) {
            admitted = std::move(socket);
            client = who.text();
            if (where) server = where->text();
        });
        Timer next(loop, [&, at = std::size_t{0}]() mutable {
            if (at < pieces.size()) REQUIRE(::write(peer.get(), pieces[at].data(), pieces[at].size()) == static_cast<ssize_t>(pieces[at].size()));
            else if (close && peer) peer.reset();
            if (++at > pieces.size() && (proxies.empty() || at > pieces.size() + 20)) loop.stop();
        });
        next.every(std::chrono::milliseconds(1));
        loop.run();
    }
    std::string rest() const {
        char bytes[100];
        const ssize_t got = ::recv(admitted.get(), bytes, sizeof bytes, MSG_DONTWAIT);
        return got > 0 ? std::string(bytes, static_cast<std::size_t>(got)) : "";
    }
};

} // namespace

TEST_CASE("behind the header the connection is the client's, however it was cut") {
    for (const auto& pieces : std::vector<std::vector<std::string_view>>{
             {"PROXY TCP4 192.0.2.1 203.0.113.5 1 25\r\nEHLO x\r\n"},
             {"PRO", "XY TCP4 192.0.2.1 203.0.113.5 1 25\r", "\nEHLO x\r\n"},
             {"PROXY TCP4 192.0.2.1 203.0.113.5 1 2", "5\r\n", "EHLO x\r\n"}}) {
        const Proxied proxied(pieces);
        CHECK(proxied.client == "192.0.2.1");
        CHECK(proxied.server == "203.0.113.5");
        CHECK(proxied.rest() == "EHLO x\r\n");
        CHECK(proxied.proxies.empty());
    }
    const Proxied unknown({"PROXY UNKNOWN\r\n"});
    CHECK(unknown.client == "198.51.100.7");
    CHECK(unknown.server.empty());
}

TEST_CASE("without a header nobody gets in") {
    for (const Proxied& proxied : {Proxied({"EHLO x\r\n"}), Proxied({}, true), Proxied({"PROXY TCP4"}, true)}) {
        CHECK_FALSE(proxied.admitted);
        CHECK(proxied.client.empty());
        CHECK(proxied.proxies.empty());
    }
    const Proxied silent({"PROXY TCP4"});
    CHECK_FALSE(silent.proxies.empty());                         // its time is not up
}
