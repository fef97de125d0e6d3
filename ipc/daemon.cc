#include "ipc/daemon.h"

#include "ipc/birth.h"
#include "libcommon/counters.h"
#include "libcommon/log.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <sys/socket.h>
#include <poll.h>
#include <unistd.h>

namespace postern::ipc {
namespace {

[[noreturn]] void die(const Error& error) {
    BirthMessage message;
    message.kind = BirthKind::failed;
    message.set_name(error.message());
    (void)send_birth(birth_descriptor, message, -1, true);
    log::error("daemon.start.failed", {{"why", error.message()}});
    log::flush();
    std::exit(1);
}

constexpr std::size_t max_slice = 4 * 1024 * 1024;

void use_level_of(const Config& config) {
    log::Level level = log::Level::info;
    if (config.has("logging.level") && log::parse_level(config.text("logging.level"), level)) log::set_level(level);
}

Config parse_slice(int fd) {
    auto flat = read_all(fd, max_slice);
    if (!flat) die(flat.error());
    auto config = Config::parse(*flat);
    if (!config) die(config.error());
    return std::move(*config);
}

Counter log_dropped{"log_records_dropped_total", "", "Events that did not fit into the log socket"};

} // namespace

// The side of a daemon that talks to master.
struct Daemon::Birth {
    explicit Birth(Daemon& daemon) : owner(daemon), socket(birth_descriptor) {}

    Daemon& owner;
    Fd socket;
    Fd log_socket;
    Fd root;
    sandbox::Confinement confinement;
    std::unique_ptr<Watch> readable;

    std::deque<std::pair<ServiceId, std::uint32_t>> wanted;   // one request at master at a time; the front is there
    struct Question { BirthMessage message; ControlDone done; };
    std::deque<Question> questions;                            // likewise
    std::uint64_t next_accepted = 1;
    bool draining = false, drained = false;
    std::unique_ptr<Timer> quiet_check;

    void take_grants();
    void take_grant(ReceivedBirth received);
    void say(BirthKind kind, std::string_view name = {});
    void listen();
    void handle(ReceivedBirth received);
    void handle_channel(const Peer& peer, std::uint64_t asked_by, Fd descriptor);
    void handle_refused(const Peer& peer);
    void handle_reload(Fd descriptor);
    void handle_answer(const BirthMessage& message, Fd descriptor);
    void want(ServiceId service, std::uint32_t instance);
    void ask_next();
    void ask_question();
    void begin_drain();
    void end_when_quiet();
};

// 1. What the row grants arrives before anything else; a child that is refused something never starts.
void Daemon::Birth::take_grants() {
    for (;;) {
        auto received = receive_birth(socket.get(), true);
        if (!received) std::exit(1);                    // master is gone before we began
        if (received->message.kind == BirthKind::start) {
            owner.instance_ = received->message.instance;
            owner.generation_ = received->message.generation;
            return;
        }
        take_grant(std::move(*received));
    }
}

void Daemon::Birth::take_grant(ReceivedBirth received) {
    const BirthMessage& message = received.message;
    Fd fd = std::move(received.descriptor);
    switch (message.kind) {
    case BirthKind::config: owner.config_ = parse_slice(fd.get()); break;
    case BirthKind::log_socket:
        log_socket = std::move(fd);
        log::set_socket(log_socket.get());
        break;
    case BirthKind::counter_page:
        if (auto done = CounterPage::attach(fd.get()); !done) die(done.error());
        break;
    case BirthKind::listener: owner.listeners_.push_back({std::string(message.get_name()), std::move(fd)}); break;
    case BirthKind::certificates: {
        auto bundled = read_bundle(fd.get());
        if (!bundled) die(bundled.error());
        owner.certificates_ = std::move(*bundled);
        break;
    }
    case BirthKind::files: {
        auto bundled = read_bundle(fd.get());
        if (!bundled) die(bundled.error());
        owner.files_ = std::move(*bundled);
        break;
    }
    case BirthKind::private_keys: owner.private_keys_ = std::move(fd); break;
    case BirthKind::ticket_key: add_ticket_key(owner.ticket_keys_, message.get_payload<TicketKey>()); break;
    case BirthKind::root:
        root = std::move(fd);
        owner.state_ = std::string(message.get_name());
        break;
    case BirthKind::page:
        owner.pages_.push_back({{message.service, message.instance, message.generation}, std::move(fd)});
        break;
    case BirthKind::page_gone:
        std::erase_if(owner.pages_, [&](const Page& page) {
            return page.owner.service == message.service && page.owner.instance == message.instance &&
                   page.owner.generation == message.generation;
        });
        break;
    case BirthKind::log_source:
        owner.log_sources_.push_back({{message.service, message.instance, 0}, std::move(fd)});
        if (owner.new_log_source_) owner.new_log_source_();
        break;
    case BirthKind::syslog:
        owner.syslog_ = std::move(fd);
        if (owner.new_syslog_) owner.new_syslog_();
        break;
    case BirthKind::confine: confinement = message.get_payload<sandbox::Confinement>(); break;
    default: die(Error(Errc::bad_message, "master granted what this version does not know"));
    }
}

void Daemon::Birth::say(BirthKind kind, std::string_view name) {
    log::flush();                                       // it may be the last thing we say
    BirthMessage message;
    message.kind = kind;
    message.set_name(name);
    (void)send_birth(socket.get(), message, -1, true);
}

void Daemon::Birth::listen() {
    readable = std::make_unique<Watch>(owner.loop_, socket.get(), Watch::For::read, [this] {
        for (;;) {
            auto received = receive_birth(socket.get());
            if (!received) {
                if (received.error().code() == Errc::unavailable) return;
                log::flush();
                std::_Exit(0);      // master is gone: so are we, before anything else is promised (DESIGN section 3)
            }
            handle(std::move(*received));
        }
    });
    readable->enable();
}

void Daemon::Birth::handle(ReceivedBirth received) {
    const BirthMessage& message = received.message;
    const Peer peer{message.service, message.instance, message.generation};
    switch (message.kind) {
    case BirthKind::channel: return handle_channel(peer, message.argument, std::move(received.descriptor));
    case BirthKind::refused: return handle_refused(peer);
    case BirthKind::reload: return handle_reload(std::move(received.descriptor));
    case BirthKind::control_answer: return handle_answer(message, std::move(received.descriptor));
    case BirthKind::log_level: return log::set_level(static_cast<log::Level>(message.argument & 3));
    case BirthKind::listener:
    case BirthKind::certificates:
    case BirthKind::files:
    case BirthKind::private_keys:
    case BirthKind::ticket_key:
    case BirthKind::page:
    case BirthKind::page_gone:
    case BirthKind::log_source:
    case BirthKind::syslog: return take_grant(std::move(received));
    case BirthKind::start:                               // the grants of a reload are complete
        if (owner.reload_) owner.reload_();
        if (message.argument == 1) say(BirthKind::reloaded);
        return;
    case BirthKind::drain:
        owner.has_successor_ = message.argument == 1;
        return begin_drain();
    default: log::warning("daemon.birth.unknown", {{"kind", static_cast<unsigned>(message.kind)}});
    }
}

void Daemon::Birth::begin_drain() {
    draining = true;
    if (!owner.drain_) return say(BirthKind::drained);
    for (const auto& [id, channel] : owner.accepted_) channel->retire();
    for (const auto& [key, link] : owner.links_)
        if (const auto channel = link->channel()) channel->retire();
    owner.drain_();
}

void Daemon::Birth::end_when_quiet() {
    const auto quiet = [](const std::shared_ptr<Channel>& channel) {
        return !channel || !channel->is_open() || channel->is_quiet();
    };
    for (const auto& [id, channel] : owner.accepted_)
        if (!quiet(channel)) return;
    for (const auto& [key, link] : owner.links_)
        if (!quiet(link->channel())) return;
    quiet_check->cancel();
    say(BirthKind::drained);
}

// Asked for by our event loop it belongs to the front of `wanted`; asked for by the peer it is served.
void Daemon::Birth::handle_channel(const Peer& peer, std::uint64_t asked_by, Fd descriptor) {
    auto channel = Channel::open(owner.loop_, std::move(descriptor), owner.self_, peer, owner.dispatcher_);
    if (draining) channel->retire();
    if (asked_by == asked_by_loop) {
        if (wanted.empty() || wanted.front() != std::pair(peer.service, peer.instance)) return;
        wanted.pop_front();
        owner.link(peer.service, peer.instance).came_up(std::move(channel));
        return ask_next();
    }
    const std::uint64_t id = next_accepted++;
    channel->on_peer_retiring([this](Channel& retiring) {
        if (owner.peer_retiring_) owner.peer_retiring_(retiring);
    });
    channel->on_closed([this, id](Channel& closed) {
        const Peer gone = closed.peer();
        owner.loop_.defer([this, id, gone] {
            owner.accepted_.erase(id);
            if (owner.peer_closed_) owner.peer_closed_(gone);
        });
    });
    owner.accepted_.emplace(id, std::move(channel));
}

void Daemon::Birth::handle_refused(const Peer& peer) {
    if (wanted.empty() || wanted.front() != std::pair(peer.service, peer.instance)) return;
    wanted.pop_front();
    owner.link(peer.service, peer.instance).refused();
    ask_next();
}

void Daemon::Birth::handle_reload(Fd descriptor) {
    // The new slice; new listeners and certificates follow, then `start` ends the reload.
    owner.config_ = parse_slice(descriptor.get());
    use_level_of(owner.config_);
    owner.certificates_.clear();
    owner.listeners_.clear();
}

void Daemon::Birth::handle_answer(const BirthMessage& message, Fd descriptor) {
    if (questions.empty()) return;
    const ControlDone done = std::move(questions.front().done);
    questions.pop_front();
    ask_question();                                       // before `done`, which may ask the next one itself
    std::string text;
    if (descriptor)
        if (auto read = read_all(descriptor.get(), max_slice)) text = std::move(*read);
    done(message.get_payload<ControlAnswer>(), std::move(text));
}

void Daemon::Birth::want(ServiceId service, std::uint32_t instance) {
    wanted.emplace_back(service, instance);
    if (wanted.size() == 1) ask_next();
}

void Daemon::Birth::ask_next() {
    if (wanted.empty()) return;
    BirthMessage message;
    message.kind = BirthKind::want_channel;
    std::tie(message.service, message.instance) = wanted.front();
    if (send_birth(socket.get(), message, -1, true)) return;
    // No memory for it in the kernel, say. Whoever waits for this channel asks again, as when master refuses.
    owner.loop_.defer([this, peer = Peer{message.service, message.instance, 0}] { handle_refused(peer); });
}

void Daemon::Birth::ask_question() {
    if (questions.empty() || send_birth(socket.get(), questions.front().message, -1, true)) return;
    owner.loop_.defer([this] {
        if (questions.empty()) return;
        const ControlDone done = std::move(questions.front().done);
        questions.pop_front();
        ask_question();
        done(Error(Errc::unavailable, "master cannot be asked now"), {});
    });
}

Daemon::Daemon(ServiceId self)
    : log_flush_(loop_, [] { log::flush(); }), self_(self), birth_(std::make_unique<Birth>(*this)) {
    loop_.at_turn_end([this] {
        if (log::waiting() && !log_flush_.armed()) log_flush_.once(log::longest_wait);
        log_dropped.set(static_cast<std::int64_t>(log::dropped()));
    });
}
Daemon::~Daemon() = default;

Link& Daemon::link(ServiceId service, std::uint32_t instance) {
    auto& slot = links_[{service, instance}];
    if (!slot) slot.reset(new Link(*this, service, instance));
    return *slot;
}

void Daemon::want_syslog() { birth_->say(BirthKind::want_syslog); }

void Daemon::drained() {
    if (std::exchange(birth_->drained, true)) return;
    birth_->quiet_check = std::make_unique<Timer>(loop_, [this] { birth_->end_when_quiet(); });
    birth_->quiet_check->every(std::chrono::milliseconds(5));
}

void Daemon::control(ControlVerb verb, std::uint64_t argument, ControlDone done) {
    BirthMessage message;
    message.kind = BirthKind::control;
    message.argument = static_cast<std::uint64_t>(verb);
    message.argument2 = argument;
    birth_->questions.push_back({message, std::move(done)});
    if (birth_->questions.size() == 1) birth_->ask_question();
}

Result<Fd> Daemon::blocking_channel(ServiceId service, std::chrono::milliseconds deadline) {
    // The answer may come behind other messages of master's: those are handled as always, ours is taken out.
    BirthMessage message;
    message.kind = BirthKind::want_channel;
    message.service = service;
    message.argument = asked_by_blocking;                  // beside the one channel of the event loop
    if (auto sent = send_birth(birth_->socket.get(), message, -1, true); !sent) return sent.error();
    const auto end = std::chrono::steady_clock::now() + deadline;
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        pollfd ready{birth_->socket.get(), POLLIN, 0};
        if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) <= 0)
            return Error(Errc::timeout, "no channel in time");
        auto received = receive_birth(birth_->socket.get());
        if (!received) return received.error();
        const bool ours = received->message.argument == asked_by_blocking && received->message.service == service;
        if (ours && received->message.kind == BirthKind::channel) return std::move(received->descriptor);
        if (ours && received->message.kind == BirthKind::refused)
            return Error(Errc::unavailable, "the service is not there");
        birth_->handle(std::move(*received));
    }
}

Link::Link(Daemon& daemon, ServiceId service, std::uint32_t instance)
    : daemon_(daemon), service_(service), instance_(instance), retry_(daemon.loop(), [this] { connect(); }),
      expiry_(daemon.loop(), [this] { expire(); }) {}

void Link::connect() {
    if (channel_ || asked_ || retry_.armed()) return;
    asked_ = true;
    daemon_.birth_->want(service_, instance_);
}

void Link::on_up(std::function<void(Channel&)> callback) {
    up_ = std::move(callback);
    if (channel_) up_(*channel_);
}

void Link::came_up(std::shared_ptr<Channel> channel) {
    asked_ = false;
    failures_ = 0;
    channel_ = std::move(channel);
    channel_->on_closed([this](Channel&) { went_down(); });
    channel_->on_peer_retiring([this](Channel&) { peer_retires(); });
    if (up_) up_(*channel_);
    auto waiting = std::move(waiting_);
    waiting_.clear();
    expiry_.cancel();
    const auto now = std::chrono::steady_clock::now();
    for (const Waiting& call : waiting) {
        if (!channel_) {
            call.fail(Error(Errc::closed, "the peer is gone"));
            continue;
        }
        call.go(*channel_, std::chrono::duration_cast<std::chrono::milliseconds>(call.deadline - now));
    }
}

// From now on calls wait for the peer's successor; what runs on the old channel ends there.
void Link::peer_retires() {
    channel_->on_closed([this](Channel& closed) {
        const auto old = std::find_if(leaving_.begin(), leaving_.end(), [&](const auto& c) { return c.get() == &closed; });
        daemon_.loop().defer([gone = std::move(*old)] {});    // it is closing itself right now
        leaving_.erase(old);
    });
    leaving_.push_back(std::move(channel_));
    channel_.reset();
    if (down_) down_();
    if (up_ || !waiting_.empty()) retry_later();
}

void Link::went_down() {
    daemon_.loop().defer([old = std::move(channel_)] {});   // it is closing itself right now
    channel_.reset();
    if (down_) down_();
    if (up_) retry_later();       // who wants to know of it coming up wants it up
}

void Link::refused() {
    asked_ = false;
    ++failures_;
    retry_later();
}

void Link::retry_later() {
    // A restarted peer is back within tens of milliseconds; one that keeps failing is asked for once a second.
    retry_.once(std::chrono::milliseconds(std::min(1000U, 20U << std::min(failures_, 6U))));
}

void Link::when_up(std::chrono::milliseconds deadline, std::function<void(Channel&, std::chrono::milliseconds)> go,
                   std::function<void(const Error&)> fail) {
    if (waiting_.size() >= max_waiting) {
        daemon_.loop().defer([fail = std::move(fail)] { fail(Error(Errc::unavailable, "too many requests wait")); });
        return;
    }
    waiting_.push_back({std::chrono::steady_clock::now() + deadline, std::move(go), std::move(fail)});
    if (!expiry_.armed()) expiry_.every(std::chrono::milliseconds(250));
    connect();
}

void Link::expire() {
    const auto now = std::chrono::steady_clock::now();
    std::vector<Waiting> late;
    std::erase_if(waiting_, [&](Waiting& call) {
        if (call.deadline > now) return false;
        late.push_back(std::move(call));
        return true;
    });
    if (waiting_.empty()) expiry_.cancel();
    for (const Waiting& call : late) call.fail(Error(Errc::unavailable, "the service is not there"));
}

int run_daemon(const Program& program) {
    // Only master starts a daemon: descriptor 3 must be its socket.
    int type = 0;
    socklen_t size = sizeof type;
    if (::getsockopt(birth_descriptor, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET) {
        std::fprintf(stderr, "%s is started by postern's master, not by hand\n",
                     std::string(to_string(program.self)).c_str());
        return 64;   // EX_USAGE
    }
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);     // master's business; a terminal's hang-up must not reach us
    std::signal(SIGINT, SIG_IGN);

    Daemon daemon(program.self);
    daemon.birth_->take_grants();
    use_level_of(daemon.config_);

    // 2. what needs the file system as it is
    if (program.prepare) program.prepare(daemon);
    // 3. confinement
    std::string missing;
    const sandbox::Confinement& confinement = daemon.birth_->confinement;
    if (auto done = sandbox::enter(confinement, daemon.birth_->root.get(), missing); !done) die(done.error());
    daemon.birth_->root.reset();             // a directory descriptor is a way past a root: nobody keeps one
    if (confinement.change_root) daemon.state_ = "/";
    if (!missing.empty()) log::info("daemon.confinement.partial", {{"missing", missing}});
    // 4. READY, and only then anybody's bytes
    if (program.start) program.start(daemon);
    daemon.birth_->say(BirthKind::ready);
    daemon.birth_->listen();
    daemon.loop_.run();
    return 0;
}

} // namespace postern::ipc
