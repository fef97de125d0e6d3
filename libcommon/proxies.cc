#include "libcommon/proxies.h"

#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libcommon/proxy_header.h"

#include <cerrno>
#include <string>
#include <sys/socket.h>

namespace postern {
namespace {

using Clock = std::chrono::steady_clock;

Counter taken{"proxy_headers_total", "result=\"taken\"", "Connections from proxies"};
Counter refused{"proxy_headers_total", "result=\"refused\"", "Connections from proxies"};

} // namespace

struct Proxies::Waiting {
    Fd socket;
    IpAddress source;
    TraceId trace;
    Admit admit;
    Clock::time_point deadline;
    std::string header;                  // so far
    std::unique_ptr<Watch> watch;
};

Proxies::Proxies(Loop& loop) : loop_(loop), timer_(loop, [this] { time_is_up(); }) {}
Proxies::~Proxies() = default;

void Proxies::take(Fd socket, const IpAddress& source, TraceId trace, Admit admit) {
    const std::uint64_t id = next_id_++;
    auto& waiting = waiting_[id];
    waiting.reset(new Waiting{std::move(socket), source, trace, std::move(admit), Clock::now() + patience, {}, nullptr});
    if (waiting_.size() > max_waiting) return refuse(id, "too many wait already");
    waiting->watch = std::make_unique<Watch>(loop_, waiting->socket.get(), Watch::For::read, [this, id] { readable(id); });
    waiting->watch->enable();
    if (!timer_.armed()) timer_.once(patience);
}

// Looks first and takes only what belongs to the header: what follows is the client's, and may be a TLS handshake.
void Proxies::readable(std::uint64_t id) {
    Waiting& waiting = *waiting_.at(id);
    char bytes[max_proxy_header];
    const ssize_t seen = ::recv(waiting.socket.get(), bytes, sizeof bytes - waiting.header.size(), MSG_PEEK | MSG_DONTWAIT);
    if (seen < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (seen <= 0) return refuse(id, waiting.header.empty() ? "it closed before it said anything" : "it closed within the header");
    const std::size_t before = waiting.header.size();
    waiting.header.append(bytes, static_cast<std::size_t>(seen));
    const ProxyParse parsed = parse_proxy_header(waiting.header);
    if (parsed.state == ProxyParse::State::malformed) return refuse(id, parsed.why);
    const bool complete = parsed.state == ProxyParse::State::complete;
    (void)::recv(waiting.socket.get(), bytes, complete ? parsed.length - before : static_cast<std::size_t>(seen), MSG_DONTWAIT);
    if (!complete) return;
    taken.add();
    const IpAddress client = parsed.header.client.value_or(waiting.source);
    const std::optional<IpAddress> server = parsed.header.server;
    log::info("proxy.header.taken", {{"session", waiting.trace.text()}, {"proxy", waiting.source.text()}, {"client", client.text()},
                                     {"port", parsed.header.client_port}});
    const Admit admit = std::move(waiting.admit);
    Fd socket = std::move(waiting.socket);
    remove(id);
    admit(std::move(socket), client, server);
}

void Proxies::refuse(std::uint64_t id, std::string_view why) {
    const Waiting& waiting = *waiting_.at(id);
    refused.add();
    log::warning("proxy.header.refused", {{"session", waiting.trace.text()}, {"proxy", waiting.source.text()}, {"why", why}});
    remove(id);
}

void Proxies::remove(std::uint64_t id) {
    waiting_.at(id)->watch.reset();      // before its socket is closed, or was given away
    waiting_.erase(id);
}

void Proxies::time_is_up() {
    const auto now = Clock::now();
    while (!waiting_.empty() && waiting_.begin()->second->deadline <= now) refuse(waiting_.begin()->first, "it did not say in time");
    if (!waiting_.empty())
        timer_.once(std::chrono::ceil<std::chrono::milliseconds>(waiting_.begin()->second->deadline - now));
}

void Proxies::dismiss() {
    while (!waiting_.empty()) remove(waiting_.begin()->first);
}

} // namespace postern
