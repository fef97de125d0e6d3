// What others want of the web they ask fetch for, the only HTTP client: it alone speaks TLS with strangers' web servers.
#pragma once

#include "ipc/message_type.h"

namespace postern::ipc {

enum class HttpMethod : std::uint8_t { get, post };
constexpr HttpMethod last_enumerator(HttpMethod) { return HttpMethod::post; }

enum class HttpStatus : std::uint8_t {
    answered,       // `code` says what
    bad_url,        // none, or not https
    no_address,     // the DNS has none for the host, or did not answer
    forbidden,      // the address is one of this host or a private network, and not of fetch.private_networks
    unreachable,    // no connection, or it was lost
    not_trusted,    // the certificate: no authority we trust, another name, expired
    tls_failed,     // the handshake, for another reason
    timed_out,
    too_large,      // more than max_body
    bad_answer,     // no HTTP
    busy,           // fetch does enough already
};
constexpr HttpStatus last_enumerator(HttpStatus) { return HttpStatus::busy; }
constexpr std::string_view to_string(HttpStatus status) {
    constexpr std::string_view names[] = {"answered", "bad-url", "no-address", "forbidden", "unreachable", "not-trusted",
                                          "tls-failed", "timed-out", "too-large", "bad-answer", "busy"};
    return names[static_cast<std::size_t>(status)];
}

constexpr std::size_t max_http_body = 512 * 1024;
constexpr std::chrono::milliseconds max_http_timeout = std::chrono::minutes(5);

struct HttpReply {
    static constexpr auto type = MessageType::http_reply;
    HttpStatus status = HttpStatus::unreachable;
    std::uint16_t code = 0;          // 200
    Text<256> content_type;          // as it came, printable
    Text<max_http_body> body;
    Text<256> reason;                // for people, when there is no answer
    static auto fields(auto& m) { return std::tie(m.status, m.code, m.content_type, m.body, m.reason); }
};
// Redirects are not followed (RFC 8461 section 3.3), no cookie is kept, certificates are verified (RFC 9110 section 4.3.4).
struct HttpRequest {
    static constexpr auto type = MessageType::http_request;
    using Reply = HttpReply;
    HttpMethod method = HttpMethod::get;
    Text<2048> url;                  // https://
    Text<128> content_type;          // of the body of a POST
    Text<max_http_body> body;
    std::uint32_t max_body = 64 * 1024;             // of the answer; at most max_http_body
    std::chrono::milliseconds timeout{60'000};      // in all, at most max_http_timeout
    static auto fields(auto& m) { return std::tie(m.method, m.url, m.content_type, m.body, m.max_body, m.timeout); }
};

} // namespace postern::ipc
