// An upgrade: master executes its new program under the same pid with every descriptor it holds, then replaces its
// children one kind after the other, what others depend on first. A listening socket is open all the while, and a kind of
// process that may overlap is replaced by one that has said READY, or not at all; of what may exist only once (a queue, a
// mailbox owner) the old one ends first, while requests wait for the new one.
#include "libcommon/log.h"
#include "master/supervisor.h"

#include <csignal>
#include <fcntl.h>
#include <unistd.h>

namespace postern::master {

using ipc::ProcessState;

namespace {
constexpr unsigned max_attempts = 3;                 // of a successor to start
} // namespace

// ---- in the old program

void Supervisor::upgrade(ReloadDone done) {
    if (helper_run_ || reloading_ || stopping_ || upgrading_) return done("another reload, upgrade or stop is under way");
    // The new reader judges the configuration: what the new programs would refuse stops the upgrade here.
    read_config([this, done = std::move(done)](Result<Config> config) {
        std::string mistakes = config ? "" : config.error().message();
        if (mistakes.empty() && ::access((options_.libexec / "master").c_str(), X_OK) != 0)
            mistakes = Error::from_errno((options_.libexec / "master").string()).message();
        if (!mistakes.empty()) log::error("master.upgrade.refused", {{"why", mistakes}});
        upgrading_ = mistakes.empty();
        done(mistakes);
        if (upgrading_) loop_.defer([this] { become_new(); });           // once the answer has gone
    });
}

Handover Supervisor::handover() const {
    Handover all;
    for (const auto& child : children_) {
        HandedChild& c = all.children.items.emplace_back();
        c = {child->row.id, child->instance, child->generation, child->uid, child->pid,
             child->state == ProcessState::running, child->role == Child::Role::leaving, child->started, child->restarts, child->birth.get(),
             child->counter_page.get(), child->log_read.get(), child->log_write.get()};
    }
    for (const auto& [key, listener] : listeners_.all())
        all.listeners.push_back({listener.name, listener.address, listener.socket.get()});
    all.lock = lock_.get();
    all.log_read = own_log_read_.get();
    all.log_write = own_log_write_.get();
    return all;
}

void Supervisor::become_new() {
    log::flush();
    const Handover all = handover();
    auto file = ipc::memory_file("handover", encode(all));
    if (!file) {
        upgrading_ = false;
        return log::error("master.upgrade.failed", {{"why", file.error().message()}});
    }
    const std::string program = (options_.libexec / "master").string(), config = options_.config_file.string(),
                      libexec = options_.libexec.string(), uid_base = std::to_string(options_.uid_base),
                      resume = std::to_string(file->get());
    std::vector<const char*> arguments{program.c_str(), "--config", config.c_str(), "--libexec", libexec.c_str(),
                                       "--resume", resume.c_str()};
    if (options_.uid_base != 0) arguments.insert(arguments.end(), {"--uid-base", uid_base.c_str()});
    arguments.push_back(nullptr);

    sigset_t every, before;
    sigfillset(&every);
    ::sigprocmask(SIG_SETMASK, &every, &before);         // they wait until the new program takes them
    let_pass(all, true);
    ::fcntl(file->get(), F_SETFD, 0);
    ::execv(program.c_str(), const_cast<char* const*>(arguments.data()));
    const Error why = Error::from_errno("execute " + program);
    let_pass(all, false);
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    upgrading_ = false;
    log::error("master.upgrade.failed", {{"why", why.message()}});
}

// ---- in the new program

Result<void> Supervisor::take_over(Handover handed) {
    taken_over_ = upgrading_ = true;
    let_pass(handed, false);
    lock_ = Fd(handed.lock);
    own_log_read_ = Fd(handed.log_read);
    own_log_write_ = Fd(handed.log_write);
    for (HandedListener& listener : handed.listeners.items)
        listeners_.adopt(std::move(listener.name.value), std::move(listener.address.value), Fd(listener.socket));
    for (const HandedChild& c : handed.children) {
        Child& child = add_child(service(c.service), c.instance);
        child.generation = c.generation;
        child.uid = c.uid;
        child.started = c.started;
        child.restarts = c.restarts;
        child.birth = Fd(c.birth);
        child.counter_page = Fd(c.counter_page);
        child.log_read = Fd(c.log_read);
        child.log_write = Fd(c.log_write);
        if (c.pid <= 0) {
            child.timer->once(std::chrono::milliseconds(0));
            continue;
        }
        child.pid = c.pid;
        child.state = c.leaving ? ProcessState::draining : c.ready ? ProcessState::running : ProcessState::starting;
        if (c.leaving) child.role = Child::Role::leaving;
        else child.outdated = true;
        watch(child);
    }
    return {};
}

// One stop_order at a time, the highest first; goes on when everybody of it is ready.
void Supervisor::replace_next() {
    if (stopping_) return;
    int order = -1;
    for (const auto& child : children_) {
        const bool open = child->outdated || child->role == Child::Role::coming ||
                          (child->role == Child::Role::serving && child->state != ProcessState::running);
        if (open) order = std::max<int>(order, child->row.stop_order);
    }
    if (order < 0) {
        if (std::exchange(upgrading_, false)) log::info("master.upgrade.done", {{"pid", ::getpid()}});
        return;
    }
    std::vector<Child*> now;
    for (const auto& child : children_)
        if (child->outdated && child->row.stop_order == order && child->state == ProcessState::running) now.push_back(child.get());
    for (Child* child : now) {
        child->outdated = false;                         // its replacement is under way
        if (child->row.overlaps) start_successor(*child);
        else drain(*child);
    }
}

void Supervisor::start_successor(Child& child) {
    Child& successor = add_child(child.row, child.instance);
    successor.role = Child::Role::coming;
    successor.generation = child.generation;
    successor.restarts = child.restarts;
    successor.log_read = child.log_read.duplicate();
    successor.log_write = child.log_write.duplicate();
    start_child(successor);
}

// It is ready: from now on it is found under the name, and its predecessor ends with what it has in hand.
void Supervisor::succeeded(Child& successor) {
    successor.limit->cancel();
    successor.failures = 0;
    Child* predecessor = find(successor.row.id, successor.instance);
    successor.role = Child::Role::serving;
    if (!predecessor) return;
    predecessor->role = Child::Role::leaving;
    drain(*predecessor);
}

// The predecessor goes on serving; after some attempts the upgrade ends here, with what runs.
void Supervisor::successor_failed(Child& successor) {
    if (++successor.failures < max_attempts) return successor.timer->once(restart_delay(successor.failures));
    log::error("master.upgrade.stuck", {{"service", ipc::to_string(successor.row.id)}, {"instance", successor.instance},
                                        {"why", "the new program does not start; what runs goes on"}});
    for (const auto& child : children_) child->outdated = false;
    std::erase_if(children_, [&](const auto& other) { return other.get() == &successor; });
    upgrading_ = false;
}

} // namespace postern::master
