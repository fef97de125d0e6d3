#include "smtpd/service.h"

#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "smtpd/conversation.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace postern::smtpd {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds tick_period{1};
constexpr std::chrono::seconds patience{30}, quiet{5};    // of an upgrade: for sessions in all, for one that says nothing
constexpr std::chrono::milliseconds between_refusals{50};
constexpr int accepts_per_turn = 64;                     // then those who are connected get their turn

ipc::AnswerUntil at(std::chrono::seconds deadline) {
    return std::chrono::duration_cast<std::chrono::milliseconds>((Clock::now() + deadline).time_since_epoch()).count();
}
std::int64_t wall_seconds() { return static_cast<std::int64_t>(std::time(nullptr)); }

Counter no_room{"smtp_turned_away_total", "reason=\"crowded\"", "SMTP connections that got no session"};

void send_away(const Visitor& visitor, const Reply& reply) {
    no_room.add();
    turn_away(visitor, reply);
}

std::optional<IpAddress> local_address(const Fd& socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return std::nullopt;
    return IpAddress::of(address);
}

// No more connections than descriptors: some are kept for channels, listeners and large bodies.
std::uint64_t most_connections() {
    constexpr std::uint64_t kept = 256;
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur <= 2 * kept) return kept;
    return files.rlim_cur - kept;
}

} // namespace

struct Service::Port {
    Fd socket;
    const Role& role;
    std::unique_ptr<Watch> watch;
};

Service::Service(ipc::Daemon& daemon) :
    daemon_(daemon), authd_(daemon.link(ipc::ServiceId::authd)), qmgr_(daemon.link(ipc::ServiceId::qmgr)), policy_(daemon),
    proxies_(daemon.loop()), door_(daemon.loop(), policy_, [this](Visitor visitor) { admit(std::move(visitor)); }),
    certificates_(daemon, "smtp", "smtp"), clock_(daemon.loop(), [this] { tick(); }),
    breath_(daemon.loop(), [this] { refusals_ = 0; breathe(); }) {
    load_settings();
    open_ports();
    authd_.connect();
    qmgr_.connect();
    daemon_.on_reload([this] {
        load_settings();
        policy_.configure();
        open_ports();
    });
    daemon_.on_drain([this] { drain(); });
    clock_.every(tick_period);
}

Service::~Service() = default;

// Running sessions keep the certificate they have and get the new limits.
void Service::load_settings() {
    limits_ = read_limits(daemon_.config());
    limits_.connections = std::min(limits_.connections, most_connections());
    seats_.configure({.total = limits_.connections, .per_client = limits_.client_connections,
                      .percent_known = static_cast<unsigned>(limits_.reserved_known),
                      .percent_submission = static_cast<unsigned>(limits_.reserved_submission)});
    proxies_.configure(daemon_.config().networks("smtp.proxy_networks"));
    xclient_networks_ = daemon_.config().networks("smtp.xclient_networks");
    auto context = certificates_.load();
    if (context) tls_ = std::move(*context);
    else log::error("smtpd.tls.unavailable", {{"reason", context.error().message()}});
}

// Master always gives the whole set: what is not in it any more is no longer accepted on.
void Service::open_ports() {
    ports_.clear();
    for (ipc::Listener& listener : daemon_.listeners()) {
        const Role* role = role_of(listener.name);
        if (!role || !listener.socket) continue;
        Port& port = ports_.emplace_back(Port{std::move(listener.socket), *role, nullptr});
        port.watch = std::make_unique<Watch>(daemon_.loop(), port.socket.get(), Watch::For::read,
                                             [this, &port] { accept_from(port); });
        port.watch->enable();
    }
    daemon_.listeners().clear();
}

void Service::accept_from(Port& port) {
    for (int i = 0; i < accepts_per_turn; ++i) {
        if (!takes_more(port.role)) return take_breath(port);
        sockaddr_storage from{};
        socklen_t size = sizeof from;
        Fd socket(::accept4(port.socket.get(), reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (!socket) {
            if (errno == EINTR || errno == ECONNABORTED) continue;
            if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;
            // No descriptor or memory for it: the connection would wake us again at once. Who is idle makes way, and the
            // tick tries again.
            port.watch->disable();
            return make_room(Seats::Rank::submission);
        }
        arrive(std::move(socket), port.role, IpAddress::of(from).value_or(IpAddress()));
    }
}

void Service::arrive(Fd socket, const Role& role, const IpAddress& source) {
    const TraceId trace = TraceId::make();
    if (role.lmtp || role.local || !proxies_.covers(source)) return greet(std::move(socket), role, trace, source);
    proxies_.take(std::move(socket), source, trace, [this, &role, trace](Fd taken, const IpAddress& client, const auto& server) {
        greet(std::move(taken), role, trace, client, server);
    });
}

void Service::take_breath(Port& port) {
    port.watch->disable();
    out_of_breath_ = true;
    if (!breath_.armed()) breath_.once(between_refusals);
}

void Service::breathe() {
    out_of_breath_ = false;
    if (draining_) return;
    for (Port& port : ports_) port.watch->enable();
}

// Trusted clients go straight to their session. The others pass the door, where the rank is found that decides who gets
// a seat when few are left.
void Service::greet(Fd socket, const Role& role, TraceId trace, const IpAddress& address, const std::optional<IpAddress>& local) {
    Visitor visitor;
    visitor.trace = trace;
    visitor.socket = std::move(socket);
    visitor.role = &role;
    visitor.address = address;
    visitor.local = local;
    visitor.text = address == IpAddress() ? "local" : address.text();    // a Unix socket's other end has none
    const bool trusted = role.lmtp || policy_.trusts(address);
    if (role.submission) visitor.rank = Seats::Rank::submission;
    if (draining_ || (!trusted && seats_.client_is_full(address)) || (role.implicit_tls && !tls_))
        return send_away(visitor, replies::too_many_connections);
    if (!seats_.has_room(visitor.rank)) make_room(visitor.rank);
    auto seat = seats_.take(address, visitor.rank, trusted);
    if (!seat) return refuse(visitor);
    visitor.seat = std::move(*seat);
    if (trusted || role.local) begin(std::move(visitor), trusted);       // a local user has rates, but is no stranger
    else door_.knock(std::move(visitor));
}

void Service::refuse(const Visitor& visitor) {
    ++refusals_;
    send_away(visitor, replies::crowded);
}

// The seat it has was given before its rank was known.
void Service::admit(Visitor visitor) {
    visitor.seat.release();
    if (!seats_.has_room(visitor.rank)) make_room(visitor.rank);
    auto seat = seats_.take(visitor.address, visitor.rank);
    if (!seat) return refuse(visitor);
    visitor.seat = std::move(*seat);
    begin(std::move(visitor), false);
}

void Service::begin(Visitor visitor, bool trusted) {
    const std::uint64_t id = next_id_++;
    const Role& role = *visitor.role;
    const IpAddress address = visitor.address;
    Fd socket = std::move(visitor.socket);
    const auto local = visitor.local ? visitor.local : local_address(socket);
    auto& slot = conversations_[id];
    slot = std::make_unique<Conversation>(id, std::move(visitor), trusted, limits_, tls_ && !role.lmtp && !role.local, effects_);
    Conversation* c = slot.get();
    if (role.local) c->shown = socket.duplicate();
    c->session.connected_to(local);
    if (!role.lmtp && contains(xclient_networks_, address)) c->session.allow_xclient();
    c->connection = std::make_unique<tls::Connection>(
        daemon_.loop(), std::move(socket),
        tls::Connection::Callbacks{[this, c](std::string_view bytes) { return on_data(*c, bytes); }, {},
                                   [this, c] { on_secured(*c); }, [this, c](std::string_view why) { on_closed(*c, why); }},
        role.implicit_tls ? tls_ : nullptr);
    perform(*c);
}

std::size_t Service::on_data(Conversation& c, std::string_view bytes) {
    const std::size_t taken = c.session.receive(bytes, wall_seconds());
    if (taken < bytes.size()) {
        c.paused = true;
        c.connection->pause();
    }
    perform(c);
    return taken;
}

void Service::on_secured(Conversation& c) {
    c.session.tls_started(c.connection->tls_version(), c.connection->tls_cipher(),
                          limits_.channel_binding && c.session.takes_logins() ? c.connection->channel_bindings() : ipc::ChannelBindings{});
    after_step(c);
}

void Service::on_closed(Conversation& c, std::string_view why) {
    if (why == tls::Connection::clear_behind_starttls) record(c.session.client(), event::Abuse{tls::Connection::clear_behind_starttls});
    c.session.peer_closed();
    perform(c);
    conversations_.erase(c.id);
    if (out_of_breath_) breathe();
    drained_if_empty();
}

void Service::on_answer(std::uint64_t id, std::uint32_t ticket, Answer answer, Fd descriptor) {
    if (performing_) {                                   // a call that failed at once: its session is in a step
        auto shared = std::make_shared<std::pair<Answer, Fd>>(std::move(answer), std::move(descriptor));
        daemon_.loop().defer([this, id, ticket, shared] {
            on_answer(id, ticket, std::move(shared->first), std::move(shared->second));
        });
        return;
    }
    const auto row = conversations_.find(id);
    const bool gone = row == conversations_.end() || row->second->session.state() == Session::State::closed;
    if (auto* opened = std::get_if<ipc::LargeOpened>(&answer); opened && opened->status == ipc::SubmitStatus::accepted) {
        if (gone) return qmgr_.send(ipc::AbandonLarge{opened->token});
        if (!descriptor) opened->status = ipc::SubmitStatus::unavailable;
        row->second->large = std::move(descriptor);
        row->second->large_failed = false;
    }
    if (gone) return discard(answer);
    row->second->session.answer(ticket, std::move(answer), wall_seconds());
    after_step(*row->second);
}

// The session it was for is gone: what authd keeps for it goes too.
void Service::discard(const Answer& answer) {
    if (const auto* login = std::get_if<ipc::LoginResult>(&answer); login && !login->handle.empty())
        authd_.send(ipc::ReleaseHandle{login->handle});
    const auto* sasl = std::get_if<ipc::SaslReply>(&answer);
    if (sasl && sasl->attempt != 0) authd_.send(ipc::SaslAbort{sasl->attempt});
    if (sasl && !sasl->login.handle.empty()) authd_.send(ipc::ReleaseHandle{sasl->login.handle});
}

// A step that did not begin with bytes: does what it wants, and offers it the bytes it had no room for before.
void Service::after_step(Conversation& c) {
    perform(c);
    if (!c.paused || !c.session.has_room()) return;
    c.paused = false;
    c.connection->resume();
}

void Service::perform(Conversation& c) {
    performing_ = true;
    for (const Event& event : effects_.events) {
        record(c.session.client(), event);
        if (std::holds_alternative<event::MessageAccepted>(event)) note_accepted(c);
    }
    for (std::uint8_t verb : effects_.verbs) count_command(verb);
    if (!effects_.large.empty()) write_large(c, effects_.large);
    for (Ask& question : effects_.asks) ask(c, question);
    for (const Tell& message : effects_.tells) tell(message);
    const Effects::Then then = effects_.then;
    if (then == Effects::Then::start_tls) c.connection->start_tls(tls_, effects_.send);
    else if (then == Effects::Then::close) c.connection->write_last(effects_.send);
    else if (!effects_.send.empty()) c.connection->write(effects_.send);
    effects_.clear();
    performing_ = false;
}

template <ipc::Request Q>
void Service::put(ipc::Link& link, Conversation& c, std::uint32_t ticket, const Q& question, Fd passed) {
    // A peer that does not answer has answered "unavailable": the default of every reply.
    const auto deadline = std::is_same_v<Q, ipc::Submit> ? submit_deadline : question_deadline;
    link.call_with_descriptor<Q>(
        question,
        [this, id = c.id, ticket](Result<typename Q::Reply> reply, Fd descriptor) {
            on_answer(id, ticket, reply ? std::move(*reply) : typename Q::Reply{}, std::move(descriptor));
        },
        deadline, std::move(passed));
}

void Service::ask(Conversation& c, Ask& question) {
    struct Router {
        Service& service;
        Conversation& c;
        std::uint32_t ticket;
        bool first;
        void operator()(const ipc::Login& q) const { service.put(service.authd_, c, ticket, q); }
        void operator()(const ipc::LocalLogin& q) const { service.put(service.authd_, c, ticket, q, std::move(c.shown)); }
        void operator()(const ipc::SaslStart& q) const { service.put(service.authd_, c, ticket, q); }
        void operator()(const ipc::SaslStep& q) const { service.put(service.authd_, c, ticket, q); }
        void operator()(const ipc::CheckSender& q) const { service.put(service.authd_, c, ticket, q); }
        void operator()(const ipc::ResolveRecipient& q) const {
            if (c.trusted) service.put(service.authd_, c, ticket, q);
            else service.ask_recipient(c, ticket, q, first);
        }
        void operator()(const ipc::CheckClient& q) const { service.change_client(c, ticket, q); }
        void operator()(ipc::OpenLarge& q) const {
            q.answer_until = at(question_deadline);
            service.put(service.qmgr_, c, ticket, q);
        }
        void operator()(ipc::Submit& q) const { service.submit(c, ticket, q); }
    };
    std::visit(Router{*this, c, question.ticket, question.first}, question.question);
}

void Service::submit(Conversation& c, std::uint32_t ticket, ipc::Submit& message) {
    c.large.reset();                                     // closed before qmgr reads it
    message.answer_until = at(submit_deadline);
    if (message.large == 0 || !c.large_failed) return put(qmgr_, c, ticket, message);
    tell(ipc::AbandonLarge{message.large});
    on_answer(c.id, ticket, ipc::Submitted{ipc::SubmitStatus::no_space, {}, "cannot write the message"}, {});
}

void Service::write_large(Conversation& c, std::string_view bytes) {
    while (!bytes.empty() && c.large && !c.large_failed) {
        const ssize_t written = ::write(c.large.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            log::error("smtpd.large.write", {{"session", c.session.client().trace.text()}, {"error", std::strerror(errno)}});
            c.large_failed = true;
            return;
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

void Service::tell(const Tell& message) {
    if (const auto* release = std::get_if<ipc::ReleaseHandle>(&message)) authd_.send(*release);
    else if (const auto* abort = std::get_if<ipc::SaslAbort>(&message)) authd_.send(*abort);
    else qmgr_.send(std::get<ipc::AbandonLarge>(message));
}

// One timer for all sessions: a client has to make progress, and under pressure soon. A session that waits for
// us is not late.
void Service::tick() {
    breathe();
    const auto now = Clock::now();
    const bool stress = seats_.taken() * 5 > seats_.total() * 4;
    std::vector<Conversation*> late;
    for (auto& [id, c] : conversations_) {
        if (c->session.progress() != c->progress || c->session.waits()) {
            c->progress = c->session.progress();
            c->progressed = now;
        }
        const bool handshake = c->session.state() == Session::State::handshake;
        const auto limit = stress ? limits_.stress_timeout : handshake ? limits_.tls_timeout : limits_.timeout;
        if (now - c->progressed > limit) late.push_back(c.get());
    }
    for (Conversation* c : late) {
        if (c->session.state() == Session::State::closed) {      // said goodbye, and it does not even read that
            c->connection->close();
            continue;
        }
        c->session.time_out();
        c->progressed = now;
        perform(*c);
    }
    if (draining_) shut_down_sessions();
    drained_if_empty();
}

// With a successor in place nobody has to be sent away: whoever is quiet is, the others come to their own end.
void Service::drain() {
    draining_ = true;
    for (Port& port : ports_) port.watch->disable();
    proxies_.dismiss();
    patient_until_ = daemon_.has_successor() ? Clock::now() + patience : Clock::time_point{};
    if (!daemon_.has_successor()) {                          // else tick() knows who is quiet
        door_.dismiss();
        shut_down_sessions();
    }
    drained_if_empty();
}

void Service::shut_down_sessions() {
    const auto now = Clock::now();
    std::vector<Conversation*> all;
    for (auto& [id, c] : conversations_)
        if (now >= patient_until_ || now - c->progressed > quiet) all.push_back(c.get());
    for (Conversation* c : all) {
        c->session.shut_down();
        perform(*c);
    }
}

void Service::drained_if_empty() {
    if (draining_ && conversations_.empty() && door_.empty()) daemon_.drained();
}

} // namespace postern::smtpd
