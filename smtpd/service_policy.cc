// What the service does for the sake of policy: recipients that two are asked about, answers that wait, room made for others.
#include "libcommon/counters.h"
#include "smtpd/conversation.h"
#include "smtpd/service.h"

#include <algorithm>

namespace postern::smtpd {
namespace {

using Clock = std::chrono::steady_clock;

Counter made_way{"smtp_made_way_total", "", "SMTP sessions ended because others needed the place"};
Gauge answers_waiting{"smtp_tarpit_answers", "", "Answers about unknown recipients that wait"};

constexpr std::chrono::seconds idle_enough{5};           // to be sent away for somebody else
constexpr unsigned refused_together = 16;                // and then accepting pauses
constexpr std::size_t sent_away_together = 32;           // looking for them is a walk over all sessions,
constexpr std::chrono::milliseconds between_looks{250};  // which a flood of connections must not make us take each time

} // namespace

// authd and policyd are asked at once: what policyd says costs no round trip of its own.
void Service::ask_recipient(Conversation& c, std::uint32_t ticket, const ipc::ResolveRecipient& question, bool first) {
    struct Both {
        std::optional<ipc::RecipientVerdict> verdict;
        std::optional<ipc::RecipientPolicy> policy;
    };
    auto both = std::make_shared<Both>();
    const auto decide = [this, id = c.id, ticket, both] {
        if (both->verdict && both->policy) answer_recipient(id, ticket, std::move(*both->verdict), *both->policy);
    };
    ipc::CheckRecipient check;
    check.trace = question.trace;
    check.client = c.session.client().address;
    check.account = c.session.account();
    check.sender_domain = domain_of(c.session.reverse_path());
    check.first = first;
    policy_.ask(check, [both, decide](const ipc::RecipientPolicy& policy) {
        both->policy = policy;
        decide();
    });
    authd_.call<ipc::ResolveRecipient>(question, [both, decide](Result<ipc::RecipientVerdict> verdict) {
        both->verdict = verdict ? std::move(*verdict) : ipc::RecipientVerdict{};
        decide();
    }, question_deadline);
}

// What exists is subject to rates; what does not is said, but to who asks for many such, ever later.
void Service::answer_recipient(std::uint64_t id, std::uint32_t ticket, ipc::RecipientVerdict verdict,
                               const ipc::RecipientPolicy& policy) {
    const auto row = conversations_.find(id);
    if (row == conversations_.end()) return;
    Conversation& c = *row->second;
    if (verdict.status == ipc::RecipientStatus::unknown_user || verdict.status == ipc::RecipientStatus::not_returnable) {
        ipc::ReportClient report;
        report.client = c.session.client().address;
        report.unknown_recipients = 1;
        policy_.tell(report);
        if (policy.unknown_delay.count() > 0) return answer_late(c, ticket, std::move(verdict), policy.unknown_delay);
    }
    const bool taken = verdict.status == ipc::RecipientStatus::deliver || verdict.status == ipc::RecipientStatus::foreign;
    if (taken && policy.action != ipc::PolicyAction::go_on)
        return on_answer(id, ticket, RecipientDeferred{reply_to_rate(policy.limit), time_left(policy.retry_after)}, {});
    on_answer(id, ticket, std::move(verdict), {});
}

// One after the other within a session, or pipelined guesses would all wait the same time together.
void Service::answer_late(Conversation& c, std::uint32_t ticket, ipc::RecipientVerdict verdict, std::chrono::milliseconds delay) {
    const auto now = Clock::now();
    c.tarred_until = std::max(c.tarred_until, now) + delay;
    answers_waiting.add();
    auto timer = std::make_shared<std::unique_ptr<Timer>>();
    *timer = std::make_unique<Timer>(daemon_.loop(), [this, timer, id = c.id, ticket, verdict = std::move(verdict)]() mutable {
        answers_waiting.add(-1);
        on_answer(id, ticket, std::move(verdict), {});
        timer->reset();                                  // which owns what runs here
    });
    (*timer)->once(std::chrono::ceil<std::chrono::milliseconds>(c.tarred_until - now));
}

// XCLIENT: what was found out about a proxy when it connected is found out about the client it names.
void Service::change_client(Conversation& c, std::uint32_t ticket, const ipc::CheckClient& question) {
    const IpAddress address = IpAddress::parse(question.client.view()).value_or(IpAddress());
    c.trusted = policy_.trusts(address);
    c.brought_mail = false;
    c.seat.release();
    auto seat = seats_.take(address, c.rank, c.trusted);
    if (!seat) return on_answer(c.id, ticket, ClientJudged{replies::too_many_connections, {}}, {});
    c.seat = std::move(*seat);
    if (c.trusted) return on_answer(c.id, ticket, ClientJudged{}, {});
    policy_.judge(question, [this, id = c.id, ticket](const ipc::ClientVerdict& verdict) {
        ClientJudged judged;
        if (verdict.action == ipc::PolicyAction::banned) judged = {replies::banned, time_left(verdict.retry_after)};
        if (verdict.action == ipc::PolicyAction::limited) judged = {reply_to_rate(verdict.limit), time_left(verdict.retry_after)};
        on_answer(id, ticket, std::move(judged), {});
    });
}

void Service::note_accepted(Conversation& c) {
    if (c.trusted || std::exchange(c.brought_mail, true)) return;
    ipc::ReportClient report;
    report.client = c.session.client().address;
    report.messages = 1;
    policy_.tell(report);
}

// The lowest rank goes first, and of it those that did nothing for longest: idle ones, and those that send so slowly that
// it is no progress. Who waits for us is neither.
void Service::make_room(Seats::Rank rank) {
    const auto now = Clock::now();
    auto& in_vain = looked_in_vain_[static_cast<std::size_t>(rank)];
    if (now - in_vain < between_looks) return;
    std::vector<Conversation*> idle;
    for (auto& [id, c] : conversations_)
        if (c->rank <= rank && !c->session.waits() && c->session.state() != Session::State::closed &&
            c->session.progress() == c->progress && now - c->progressed >= idle_enough)
            idle.push_back(c.get());
    if (idle.empty()) in_vain = now;
    const auto count = static_cast<std::ptrdiff_t>(std::min(idle.size(), sent_away_together));
    std::partial_sort(idle.begin(), idle.begin() + count, idle.end(), [](const Conversation* a, const Conversation* b) {
        return std::tie(a->rank, a->progressed) < std::tie(b->rank, b->progressed);
    });
    for (auto at = idle.begin(); at != idle.begin() + count; ++at) {
        made_way.add();
        (*at)->session.make_way();
        (*at)->seat.release();
        perform(**at);
    }
}

// Where even a client with history finds no seat, refusing more takes from those who sit: a refusal costs a quarter of a
// message (TESTCARD B5). Then a few are refused, and the others wait in the kernel's queue for a seat or for the next few.
bool Service::takes_more(const Role& role) {
    const auto rank = role.submission ? Seats::Rank::submission : Seats::Rank::known;
    return seats_.has_room(rank) || refusals_ < refused_together;
}

} // namespace postern::smtpd
