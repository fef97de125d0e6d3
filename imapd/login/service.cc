#include "imapd/login/service.h"

#include "imapd/login/connection.h"
#include "ipc/policy.h"
#include "libcommon/counters.h"
#include "libcommon/log.h"

#include <cerrno>
#include <sys/socket.h>

namespace postern::imap_login {
namespace {

Gauge connections{"imap_connections", "", "Connections of IMAP clients"};
constexpr int accepts_per_turn = 64;         // then those who are connected get their turn
constexpr std::string_view implicit_port = "imap.listen_addr";

void turn_away(const Fd& socket, bool implicit_tls) {
    constexpr std::string_view text = "* BYE [UNAVAILABLE] Too many connections\r\n";
    if (!implicit_tls) (void)::send(socket.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

} // namespace

struct Service::Port {
    Fd socket;
    bool implicit_tls;
    std::unique_ptr<Watch> watch{};
};

Service::Service(ipc::Daemon& daemon)
    : daemon_(daemon), authd_(daemon.link(ipc::ServiceId::authd)), policyd_(daemon.link(ipc::ServiceId::policyd)),
      proxies_(daemon.loop()), certificates_(daemon, "imap", "imap"), clock_(daemon.loop(), [this] { check_times(); }) {
    read_settings();
    open_ports();
    authd_.connect();
    policyd_.keep_up();
    daemon_.on_reload([this] {
        read_settings();
        open_ports();
    });
    daemon_.on_drain([this] { drain(); });
    clock_.every(std::chrono::seconds(1));
}

Service::~Service() = default;

// Running sessions keep the certificate they have.
void Service::read_settings() {
    const Config& config = daemon_.config();
    limits_.channel_binding = config.flag("auth.channel_binding");
    limits_.cram_md5 = config.flag("auth.cram_md5");
    limits_.failures = static_cast<unsigned>(config.number("imap.max_login_failures"));
    seats_.configure({.total = config.size("imap.max_connections"), .per_client = config.size("imap.max_client_connections")});
    trust_ = Trust(config.networks("policy.trusted_networks"), config.networks("policy.untrusted_networks"));
    login_timeout_ = config.duration("imap.login_timeout");
    failure_delay_ = config.duration("imap.failure_delay");
    proxies_.configure(config.networks("imap.proxy_networks"));
    auto context = certificates_.load();
    if (context) tls_ = std::move(*context);
    else log::error("imap-login.tls.unavailable", {{"reason", context.error().message()}});
}

// Master always gives the whole set: what is not in it any more is no longer accepted on.
void Service::open_ports() {
    ports_.clear();
    for (ipc::Listener& listener : daemon_.listeners()) {
        if (!listener.socket) continue;
        auto& port = ports_.emplace_back(
            std::make_unique<Port>(Port{std::move(listener.socket), listener.name == implicit_port}));
        port->watch = std::make_unique<Watch>(daemon_.loop(), port->socket.get(), Watch::For::read,
                                              [this, p = port.get()] { accept_from(*p); });
        port->watch->enable();
    }
    daemon_.listeners().clear();
}

void Service::accept_from(Port& port) {
    for (int i = 0; i < accepts_per_turn; ++i) {
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        Fd socket(::accept4(port.socket.get(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!socket) {
            // No descriptor or memory for it: the connection would wake us again at once. The clock tries again.
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) port.watch->disable();
            if (errno == EINTR || errno == ECONNABORTED) continue;
            return;
        }
        arrive(std::move(socket), IpAddress::of(from).value_or(IpAddress()), port.implicit_tls);
    }
}

void Service::arrive(Fd socket, const IpAddress& source, bool implicit_tls) {
    const TraceId trace = TraceId::make();
    if (!proxies_.covers(source)) return begin(std::move(socket), trace, source, implicit_tls);
    proxies_.take(std::move(socket), source, trace, [this, trace, implicit_tls](Fd taken, const IpAddress& client, const auto&) {
        begin(std::move(taken), trace, client, implicit_tls);
    });
}

void Service::begin(Fd socket, TraceId trace, const IpAddress& address, bool implicit_tls) {
    const bool trusted = trust_.covers(address);
    auto seat = draining_ || (implicit_tls && !tls_) ? std::nullopt : seats_.take(address, Seats::Rank::submission, trusted);
    if (!seat) return turn_away(socket, implicit_tls);
    auto connection = std::make_unique<Connection>(*this, std::move(socket), trace, address.text(), std::move(*seat), implicit_tls);
    if (!trusted) ask_about(*connection);
    connections_.emplace(connection.get(), std::move(connection));
    connections.set(static_cast<std::int64_t>(connections_.size()));
}

// The client is greeted meanwhile: the answer is here long before a password could be. None means that it may stay.
void Service::ask_about(Connection& connection) {
    if (!policyd_.is_up()) return;
    const ipc::CheckClient question{connection.trace(), ipc::Protocol::imap, connection.client()};
    policyd_.call<ipc::CheckClient>(
        question,
        [alive = connection.alive(), &connection](Result<ipc::ClientVerdict> verdict) {
            if (!alive.expired() && verdict && verdict->action == ipc::PolicyAction::banned) connection.turn_away();
        },
        std::chrono::seconds(5));
}

ipc::Link& Service::owner_of(AccountId account) {
    return daemon_.link(ipc::ServiceId::imapd,
                        static_cast<std::uint32_t>(account % daemon_.config().number("processes.imapd")));
}

void Service::ended(Connection& connection) {
    const auto found = connections_.find(&connection);
    daemon_.loop().defer([gone = std::shared_ptr<Connection>(std::move(found->second))] {});   // it called us
    connections_.erase(found);
    connections.set(static_cast<std::int64_t>(connections_.size()));
    if (draining_ && connections_.empty()) daemon_.drained();
}

void Service::check_times() {
    const auto now = Connection::Clock::now();
    constexpr std::chrono::seconds stall{60};            // TESTCARD C8
    for (const auto& port : ports_) port->watch->enable();
    for (const auto& [connection, owned] : connections_) connection->check_time(now, login_timeout_, stall);
}

void Service::drain() {
    draining_ = true;
    ports_.clear();
    proxies_.dismiss();
    if (connections_.empty()) return daemon_.drained();
    if (daemon_.has_successor()) return;             // nobody waits for us: sessions end when their clients end them
    for (const auto& [connection, owned] : connections_) connection->shut_down();
}

} // namespace postern::imap_login
