// What a load balancer says before its client speaks: "The PROXY protocol", versions 1 and 2 (haproxy.org, proxy-protocol.txt; the
// sections named here are its). Pure.
#pragma once

#include "libcommon/network.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace postern {

struct ProxyHeader {
    // Whom it speaks for. Nothing: for itself (LOCAL, a health check) or for somebody without an address (UNKNOWN, UNSPEC,
    // a Unix socket); then the addresses of the connection count.
    std::optional<IpAddress> client;
    std::uint16_t client_port = 0;
    std::optional<IpAddress> server;     // where that client connected to
};

struct ProxyParse {
    enum class State : std::uint8_t { incomplete, complete, malformed } state;
    std::size_t length = 0;              // complete: bytes of the header; the client's begin behind them
    ProxyHeader header;
    std::string_view why;                // malformed: for the log
};

// The beginning of a connection. As long as it is incomplete, all of `bytes` belongs to the header.
ProxyParse parse_proxy_header(std::string_view bytes);

// A longer one is malformed. Version 1 needs 107 at most; of version 2 what proxies add (names, a certificate's subject) is
// far below.
constexpr std::size_t max_proxy_header = 4096;

} // namespace postern
