#include "smtpd/door.h"

#include "libcommon/counters.h"
#include "libcommon/log.h"

#include <cerrno>
#include <sys/socket.h>

namespace postern::smtpd {
namespace {

using Clock = std::chrono::steady_clock;

Counter early_talkers{"smtp_turned_away_total", "reason=\"early\"", "SMTP connections that got no session"};
Counter banned{"smtp_turned_away_total", "reason=\"banned\"", "SMTP connections that got no session"};
Counter limited{"smtp_turned_away_total", "reason=\"rate\"", "SMTP connections that got no session"};
Gauge waiting_strangers{"smtp_waiting_strangers", "", "Clients without history that wait for the greeting"};

enum class Did { wait, talk, leave };
Did what_it_did(const Fd& socket) {
    char first = 0;
    const ssize_t size = ::recv(socket.get(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (size == 1) return Did::talk;
    return size < 0 && (errno == EAGAIN || errno == EINTR) ? Did::wait : Did::leave;
}

void refuse(const Visitor& visitor, Counter& counter, const Reply& reply, std::string_view detail, std::string_view why) {
    counter.add();
    log::warning("smtpd.turned.away", {{"session", visitor.trace.text()}, {"client", visitor.text},
                                       {"port", visitor.role->name}, {"code", reply.code}, {"reason", why}});
    turn_away(visitor, reply, detail);
}

} // namespace

void turn_away(const Visitor& visitor, const Reply& reply, std::string_view detail) {
    if (visitor.role->implicit_tls) return;
    std::string text;
    write_reply(text, reply, detail);
    (void)::send(visitor.socket.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    // What it sent and nobody read would make the kernel reset the connection, and the reply with it.
    char unread[4096];
    for (int i = 0; i < 16 && ::recv(visitor.socket.get(), unread, sizeof unread, MSG_DONTWAIT) > 0; ++i) {}
    ::shutdown(visitor.socket.get(), SHUT_WR);
}

Door::Door(Loop& loop, ClientPolicy& policy, Admit admit) :
    policy_(policy), admit_(std::move(admit)), timer_(loop, [this] { time_is_up(); }) {}

void Door::knock(Visitor visitor) {
    const ipc::CheckClient question{visitor.trace, visitor.role->submission ? ipc::Protocol::submission : ipc::Protocol::smtp,
                                    visitor.text};
    const std::uint64_t id = next_id_++;
    waiting_.emplace(id, Waiting{std::move(visitor), false});
    policy_.judge(question, [this, id](const ipc::ClientVerdict& verdict) { judged(id, verdict); });
}

void Door::judged(std::uint64_t id, const ipc::ClientVerdict& verdict) {
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return;
    Visitor& visitor = found->second.visitor;
    if (verdict.action == ipc::PolicyAction::banned) {
        refuse(visitor, banned, replies::banned, time_left(verdict.retry_after), "banned");
        waiting_.erase(found);
        return;
    }
    if (verdict.action == ipc::PolicyAction::limited) {
        refuse(visitor, limited, reply_to_rate(verdict.limit), time_left(verdict.retry_after), "too many connections in a time");
        waiting_.erase(found);
        return;
    }
    visitor.rank = visitor.role->submission                         ? Seats::Rank::submission
                   : verdict.standing == ipc::Standing::proven ? Seats::Rank::known
                                                               : Seats::Rank::stranger;
    // Only servers wait: a user's program on a submission port is not asked to prove that it is one.
    if (verdict.standing == ipc::Standing::stranger && !visitor.role->submission && policy_.greet_delay().count() != 0)
        return greet_late(id);
    auto admitted = waiting_.extract(found);
    let_in(std::move(admitted.mapped()));
}

void Door::greet_late(std::uint64_t id) {
    waiting_.at(id).stranger = true;
    late_.emplace(Clock::now() + policy_.greet_delay(), id);
    waiting_strangers.set(static_cast<std::int64_t>(late_.size()));
    if (!timer_.armed()) timer_.once(policy_.greet_delay());
}

void Door::time_is_up() {
    const auto now = Clock::now();
    while (!late_.empty() && late_.begin()->first <= now) {
        auto row = waiting_.extract(late_.begin()->second);
        late_.erase(late_.begin());
        if (row.empty()) continue;
        Waiting& waiting = row.mapped();
        const Did did = what_it_did(waiting.visitor.socket);
        if (did == Did::talk) refuse(waiting.visitor, early_talkers, replies::talked_early, {}, "talked before the greeting");
        else if (did == Did::wait) let_in(std::move(waiting));
    }
    waiting_strangers.set(static_cast<std::int64_t>(late_.size()));
    if (!late_.empty()) timer_.once(std::chrono::ceil<std::chrono::milliseconds>(late_.begin()->first - now));
}

void Door::dismiss() {
    for (const auto& [id, waiting] : waiting_) turn_away(waiting.visitor, replies::shutting_down);
    waiting_.clear();
}

void Door::let_in(Waiting waiting) {
    if (waiting.stranger) {
        ipc::ReportClient report;
        report.client = waiting.visitor.text;
        report.waited = true;
        policy_.tell(report);
    }
    admit_(std::move(waiting.visitor));
}

} // namespace postern::smtpd
