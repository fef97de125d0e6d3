#include "master/supervisor.h"

#include "config/schema.h"
#include "ipc/routes.h"
#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

#include <csignal>
#include <cstdio>
#include <ctime>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace postern::master {

using ipc::BirthKind;
using ipc::BirthMessage;
using ipc::of_kind;
using ipc::ProcessState;
using ipc::ServiceId;

namespace {
constexpr std::chrono::hours ticket_key_life(1);
} // namespace

Supervisor::Supervisor(Loop& loop, Options options) : loop_(loop), options_(std::move(options)) {
    on_child_ = std::make_unique<SignalWatch>(loop_, SIGCHLD, [this] { reap(); });
    on_reload_ = std::make_unique<SignalWatch>(loop_, SIGHUP, [this] { reload([](const std::string&) {}); });
    on_upgrade_ = std::make_unique<SignalWatch>(loop_, SIGUSR2, [this] { upgrade([](const std::string&) {}); });
    on_term_ = std::make_unique<SignalWatch>(loop_, SIGTERM, [this] { stop(); });
    on_int_ = std::make_unique<SignalWatch>(loop_, SIGINT, [this] { stop(); });
    sigset_t none;                               // an upgrade kept them waiting until somebody takes them
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
}
Supervisor::~Supervisor() = default;

// ---- starting

bool Supervisor::start() {
    bool started = false;
    auto use = [&](Result<Config> config) {
        Result<void> applied = config ? apply(*config) : Result<void>(config.error());
        started = applied.ok();
        if (!started) std::fprintf(stderr, "%s\n", applied.error().message().c_str());
        loop_.stop();
    };
    if (auto legal = check_uid_range(options_); !legal) {
        std::fprintf(stderr, "%s\n", legal.error().message().c_str());
        return false;
    }
    read_config(use);
    loop_.run();
    return started;
}

void Supervisor::run(Result<Helper> helper, HelperRun::Done done) {
    helper_run_ = std::make_unique<HelperRun>(loop_, std::move(helper), [this, done = std::move(done)](Result<std::string> output) {
        loop_.defer([over = std::shared_ptr<HelperRun>(std::move(helper_run_))] {});   // it called us
        done(std::move(output));
    });
}

void Supervisor::read_config(std::function<void(Result<Config>)> use) {
    // Opened by master: the file may be readable by root alone, the reader only gets its bytes.
    const std::string& name = options_.config_file.native();
    Fd file(::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    const auto uid = uid_of(service(ServiceId::api_front), options_);
    Result<Helper> reader = Error::from_errno(name);
    if (file) reader = Helper{(options_.libexec / "config").native(), {"--name", name}, uid ? *uid : 65534U, std::move(file), {}};
    run(std::move(reader), [use = std::move(use)](Result<std::string> flat) {
        use(flat ? Config::parse(*flat) : Result<Config>(flat.error()));
    });
}

Result<void> Supervisor::apply(const Config& config) {
    config_ = config;
    if (config_.text("server.hostname").empty()) {
        char name[256] = {};
        ::gethostname(name, sizeof name - 1);
        config_.set("server.hostname", name);
    }
    log::parse_level(config_.text("logging.level"), level_);
    log::set_level(level_);

    if (options_.resume < 0) {
        if (auto claimed = claim_state(); !claimed) return claimed;
    } else {
        auto handed = read_handover(options_.resume);
        if (!handed) return handed.error();
        if (auto taken = take_over(std::move(*handed)); !taken) return taken;
    }

    for (const Service& row : services())
        if (auto root = prepare_root(row, config_, options_); !root) return root.error();
    if (auto done = listeners_.update(config_, options_); !done) return done;
    auto certificates = open_certificates(config_);
    if (!certificates) return certificates.error();
    certificates_ = std::move(*certificates);

    // Descriptors of all children's grants pass through us; their own limits are set by them from these.
    rlimit files{65536, 65536};
    ::setrlimit(RLIMIT_NOFILE, &files);

    if (auto reduced = reduce_capabilities(); !reduced) return reduced;

    log::set_socket(own_log_write_.get());
    loop_.at_turn_end([] { log::flush(); });
    log::info(taken_over_ ? "master.upgrade.begin" : "master.start",
              {{"pid", ::getpid()}, {"config", options_.config_file.string()},
               {"privileged", is_root() ? "yes" : "no: all as the calling user, no chroot"}});
    rotate_ticket_keys();
    ticket_rotation_ = std::make_unique<Timer>(loop_, [this] { rotate_ticket_keys(); });
    ticket_rotation_->every(ticket_key_life);
    match_children();
    if (taken_over_) {
        reap();                                  // who died while nobody was there to be told
        replace_next();
    }
    return {};
}

// One master per state directory, whatever else is configured.
Result<void> Supervisor::claim_state() {
    const auto state = std::filesystem::path(config_.text("server.state_dir"));
    std::error_code error;
    std::filesystem::create_directories(state, error);
    lock_ = Fd(::open((state / "master.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock_) return Error::from_errno("open " + (state / "master.lock").string());
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0)
        return Error(Errc::exists, "another master runs on " + state.string());
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) != 0) return Error::from_errno("make a log socket");
    own_log_read_ = Fd(pair[0]);
    own_log_write_ = Fd(pair[1]);
    return {};
}

// As many processes of each service as the configuration says; new ones are started, surplus ones drained.
void Supervisor::match_children() {
    for (const Service& row : services()) {
        const std::size_t count = row.processes.empty() ? 1 : config_.size(row.processes);
        for (const auto& child : children_)
            if (child->row.id == row.id && child->instance >= count && child->role == Child::Role::serving) {
                child->role = Child::Role::leaving;
                drain(*child);
            }
        for (std::uint32_t instance = 0; instance < count; ++instance) {
            if (find(row.id, instance)) continue;
            Child& child = add_child(row, instance);
            if (auto made = make_log_pair(child); !made) log::error("master.child.log", {{"why", made.error().message()}});
            start_child(child);
        }
    }
}

Child& Supervisor::add_child(const Service& row, std::uint32_t instance) {
    Child& child = *children_.emplace_back(std::make_unique<Child>(row, instance));
    child.timer = std::make_unique<Timer>(loop_, [this, &child] {
        if (child.running() && child.readable) child.readable->enable();   // its bucket has refilled
        else start_child(child);
    });
    child.limit = std::make_unique<Timer>(loop_, [&child] {
        log::warning("master.child.late", {{"service", ipc::to_string(child.row.id)}, {"pid", child.pid}});
        if (child.running()) ::kill(child.pid, SIGKILL);
    });
    return child;
}

Result<void> Supervisor::make_log_pair(Child& child) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) != 0) return Error::from_errno("make a log socket");
    child.log_read = Fd(pair[0]);
    child.log_write = Fd(pair[1]);
    if (Child* logd = find(ServiceId::logd, 0); logd && logd->running()) {
        BirthMessage message;
        message.kind = BirthKind::log_source;
        message.service = child.row.id;
        message.instance = child.instance;
        tell(*logd, message, child.log_read.get());
    }
    return {};
}

void Supervisor::start_child(Child& child) {
    if (stopping_) return;
    auto uid = uid_of(child.row, options_);
    Result<void> done = uid ? spawn(child, options_) : Result<void>(uid.error());
    if (done) {
        child.uid = *uid;
        child.state = ProcessState::starting;
        child.started = ::time(nullptr);
        watch(child);
        if (child.role == Child::Role::coming) child.limit->once(successor_start_limit);
        done = grant_all(child);
        if (!done) ::kill(child.pid, SIGKILL);           // reaped, and tried again, like any other death
    }
    if (done) return;
    log::error("master.child.start", {{"service", ipc::to_string(child.row.id)}, {"why", done.error().message()}});
    if (!child.running()) child.timer->once(restart_delay(++child.failures));
}

void Supervisor::watch(Child& child) {
    child.readable = std::make_unique<Watch>(loop_, child.birth.get(), Watch::For::read, [this, &child] { child_readable(child); });
    child.readable->enable();
}

// ---- living

Child* Supervisor::find(ServiceId service, std::uint32_t instance) {
    for (const auto& child : children_)
        if (child->row.id == service && child->instance == instance && child->role == Child::Role::serving) return child.get();
    return nullptr;
}

Child* Supervisor::find_exactly(const ipc::Peer& name) {
    for (const auto& child : children_)
        if (child->name() == name) return child.get();
    return nullptr;
}

Child* Supervisor::find_pid(pid_t pid) {
    for (const auto& child : children_)
        if (child->pid == pid) return child.get();
    return nullptr;
}

bool Supervisor::tell(Child& child, BirthMessage message, int descriptor) {
    return child.birth && ipc::send_birth(child.birth.get(), message, descriptor).ok();
}

void Supervisor::reap() {
    int status = 0;
    for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        if (helper_run_ && helper_run_->pid() == pid) helper_run_->exited(status);
        else if (Child* child = find_pid(pid)) exited(*child, status);
    }
}

void Supervisor::exited(Child& child, int status) {
    const bool was_ready = child.state == ProcessState::running || child.state == ProcessState::draining;
    const bool expected = child.state == ProcessState::draining;
    for (const auto& reader : children_) {
        if (!reader->row.pages || reader.get() == &child) continue;
        BirthMessage gone = of_kind(BirthKind::page_gone);
        gone.service = child.row.id;
        gone.instance = child.instance;
        gone.generation = child.generation;
        tell(*reader, gone);
    }
    child.limit->cancel();
    child.readable.reset();
    child.birth.reset();
    child.counter_page.reset();
    child.pid = -1;
    child.state = ProcessState::backing_off;
    log::event(expected ? log::Level::info : log::Level::error, "master.child.exit",
               {{"service", ipc::to_string(child.row.id)}, {"instance", child.instance},
                {"status", WIFEXITED(status) ? WEXITSTATUS(status) : 0},
                {"signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0}});
    if (stopping_) return stop_next();
    keys_reloaded(child);                                // it has them when it comes back
    if (child.role == Child::Role::coming) return successor_failed(child);
    if (child.role == Child::Role::leaving) {
        std::erase_if(children_, [&](const auto& other) { return other.get() == &child; });
        return;
    }
    child.outdated = child.sees_drain = false;           // what comes now is what is installed now
    // A process that served for a second had a good start: it comes back at once, however it ended.
    const bool good = was_ready && std::chrono::steady_clock::now() - child.ready_at > std::chrono::seconds(1);
    child.failures = good ? 0 : child.failures + 1;
    ++child.restarts;
    child.timer->once(restart_delay(child.failures));
}

void Supervisor::child_readable(Child& child) {
    for (int taken = 0; taken < 16; ++taken) {          // others have their turn too
        if (!child.take_token()) {
            // It asks more than any correct child does: its buffer fills, it waits, nobody else notices.
            child.readable->disable();
            child.timer->once(std::chrono::milliseconds(100));
            return;
        }
        auto received = ipc::receive_birth(child.birth.get());
        if (received) {
            child_says(child, received->message);
            if (!child.birth) return;
            continue;
        }
        if (received.error().code() == Errc::unavailable) return;
        child.readable->disable();                       // its end: SIGCHLD brings the rest
        if (received.error().code() == Errc::bad_message) ::kill(child.pid, SIGKILL);
        return;
    }
}

void Supervisor::child_says(Child& child, const BirthMessage& message) {
    switch (message.kind) {
    case BirthKind::ready: return became_ready(child);
    case BirthKind::failed:
        log::error("master.child.failed", {{"service", ipc::to_string(child.row.id)}, {"why", message.get_name()}});
        std::fprintf(stderr, "%s: %s\n", std::string(ipc::to_string(child.row.id)).c_str(),
                     printable(message.get_name()).c_str());
        return;
    case BirthKind::want_channel: return want_channel(child, message);
    case BirthKind::drained: return drained(child);
    case BirthKind::reloaded: return keys_reloaded(child);
    case BirthKind::control: return answer_control(child, message);
    case BirthKind::want_syslog:
        if (child.row.logs) return grant_syslog(child);
        [[fallthrough]];
    default: ::kill(child.pid, SIGKILL);                 // only a broken or broken-in process says anything else
    }
}

void Supervisor::became_ready(Child& child) {
    child.state = ProcessState::running;
    child.ready_at = std::chrono::steady_clock::now();
    log::info("master.child.ready", {{"service", ipc::to_string(child.row.id)}, {"instance", child.instance},
                                     {"pid", child.pid}, {"generation", child.generation}});
    announce_page(child);
    if (child.role == Child::Role::coming) succeeded(child);
    if (upgrading_) replace_next();
}

void Supervisor::want_channel(Child& child, const BirthMessage& message) {
    Child* peer = find(message.service, message.instance);
    BirthMessage answer = of_kind(BirthKind::refused);
    answer.service = message.service;
    answer.instance = message.instance;
    answer.argument = message.argument;
    int pair[2];
    if (!ipc::may_connect(child.row.id, message.service) || !peer || peer->state != ProcessState::running ||
        message.argument > ipc::asked_by_blocking ||
        ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        tell(child, answer);
        return;
    }
    const Fd first(pair[0]), second(pair[1]);
    constexpr int room = 1024 * 1024;                    // a whole inline body without a wait
    for (int fd : pair) ::setsockopt(fd, SOL_SOCKET, is_root() ? SO_SNDBUFFORCE : SO_SNDBUF, &room, sizeof room);
    // The peer first: an asker that has an end whose other end nobody holds would wait for nothing.
    BirthMessage to_peer = of_kind(BirthKind::channel);
    to_peer.service = child.row.id;
    to_peer.instance = child.instance;
    to_peer.generation = child.generation;
    to_peer.argument = ipc::asked_by_peer;
    if (!tell(*peer, to_peer, second.get())) {
        tell(child, answer);
        return;
    }
    answer.kind = BirthKind::channel;
    answer.generation = peer->generation;
    tell(child, answer, first.get());
}

void Supervisor::answer_control(Child& child, const BirthMessage& message) {
    BirthMessage refused = of_kind(BirthKind::control_answer);
    if (!child.row.control || message.argument > static_cast<std::uint64_t>(last_enumerator(ipc::ControlVerb{}))) {
        ipc::ControlAnswer answer;
        answer.status = ipc::ControlStatus::refused;
        refused.set_payload(answer);
        tell(child, refused);
        return;
    }
    control(static_cast<ipc::ControlVerb>(message.argument), message.argument2,
            [this, name = child.name()](Answer answer) {
                Child* asker = find_exactly(name);
                if (!asker) return;
                BirthMessage reply = of_kind(BirthKind::control_answer);
                reply.set_payload(answer.answer);
                if (answer.text.empty()) {
                    tell(*asker, reply);
                } else if (auto text = ipc::memory_file("answer", answer.text)) {
                    tell(*asker, reply, text->get());
                }
            });
}

void Supervisor::control(ipc::ControlVerb verb, std::uint64_t argument, std::function<void(Answer)> done) {
    Answer answer;
    switch (verb) {
    case ipc::ControlVerb::ping: break;
    case ipc::ControlVerb::reload:
    case ipc::ControlVerb::upgrade: {
        auto tell_mistakes = [done = std::move(done)](std::string mistakes) {
            Answer result;
            result.answer.status = mistakes.empty() ? ipc::ControlStatus::ok : ipc::ControlStatus::failed;
            result.text = std::move(mistakes);
            done(std::move(result));
        };
        return verb == ipc::ControlVerb::reload ? reload(std::move(tell_mistakes)) : upgrade(std::move(tell_mistakes));
    }
    case ipc::ControlVerb::stop: loop_.defer([this] { stop(); }); break;
    case ipc::ControlVerb::log_level: {
        level_ = static_cast<log::Level>(argument & 3);
        log::set_level(level_);
        BirthMessage message = of_kind(BirthKind::log_level);
        message.argument = static_cast<std::uint64_t>(level_);
        for (const auto& child : children_) tell(*child, message);
        break;
    }
    case ipc::ControlVerb::process:
        if (argument >= children_.size()) {
            answer.answer.status = ipc::ControlStatus::not_found;
        } else {
            const Child& child = *children_[argument];
            answer.answer = {ipc::ControlStatus::ok, child.row.id, upgrading_, {}, child.instance, child.generation, child.pid,
                             child.uid, child.state, child.restarts, child.started};
        }
        break;
    case ipc::ControlVerb::show_config:
        for (const auto& [key, value] : config_.values()) {
            std::string line = value;
            for (char& c : line) if (c == '\n') c = ' ';
            answer.text += key + " = " + line + "\n";
        }
        break;
    }
    done(std::move(answer));
}

// ---- stopping

void Supervisor::stop() {
    if (stopping_) return;
    stopping_ = true;
    log::info("master.stop", {{"pid", ::getpid()}});
    for (const auto& child : children_) child->timer->cancel();
    stop_next();
}

// Drains the lowest stop_order that still runs; called again at each exit until nobody is left.
void Supervisor::stop_next() {
    std::uint8_t order = 255;
    for (const auto& child : children_)
        if (child->running()) order = std::min(order, child->row.stop_order);
    if (order == 255) return loop_.stop();
    for (const auto& child : children_)
        if (child->running() && child->row.stop_order == order && (!child->sees_drain || child->role != Child::Role::serving)) {
            child->role = Child::Role::serving;      // one that leaves has time no longer
            drain(*child);
        }
}

void Supervisor::drain(Child& child) {
    child.sees_drain = true;
    child.timer->cancel();
    if (!child.running()) return;
    const bool was_ready = child.state != ProcessState::starting;
    child.state = ProcessState::draining;
    BirthMessage message = of_kind(BirthKind::drain);
    message.argument = child.role == Child::Role::leaving ? 1 : 0;
    // Who has a successor stands in nobody's way: it ends with its last session.
    if (message.argument == 0) child.limit->once(config_.duration("server.drain_timeout"));
    if (!was_ready || !tell(child, message)) ::kill(child.pid, SIGTERM);
}

void Supervisor::drained(Child& child) {
    if (child.state == ProcessState::draining) ::kill(child.pid, SIGTERM);
}

} // namespace postern::master
