#include "qmgr/service.h"

#include "libcommon/log.h"
#include "libcommon/text.h"
#include "qmgr/config.h"
#include "qmgr/event.h"
#include "qmgr/own_mail.h"

#include <algorithm>
#include <ctime>
#include <fcntl.h>
#include <stdexcept>

namespace postern::qmgr {
namespace {

using ipc::SubmitStatus;

constexpr std::chrono::seconds tick_period{1};
constexpr unsigned ticks_per_account = 60;                // the conservation account is checked every minute
constexpr std::chrono::milliseconds drain_period{20};
constexpr std::chrono::seconds authd_deadline{20};
constexpr std::chrono::minutes checkpoint_deadline{1};
constexpr std::size_t early_checkpoint = 4000;            // stored recipients that do not wait for the tick
constexpr std::size_t max_large_per_peer = 2000;

// Which service is which kind of agent is not for its messages to say. One that hangs is not waited for longer than
// `deadline`: smtp-out has its own limits for a delivery, this one is for when they fail.
struct AgentService {
    ipc::ServiceId service;
    ipc::AgentKind kind;
    std::chrono::minutes deadline;
};
constexpr AgentService agent_services[] = {
    {ipc::ServiceId::local, ipc::AgentKind::local, std::chrono::minutes(2)},
    {ipc::ServiceId::smtp_out, ipc::AgentKind::smtp_out, std::chrono::hours(3)},
    {ipc::ServiceId::bounce, ipc::AgentKind::bounce, std::chrono::minutes(2)},
};
const AgentService* agent_service(ipc::ServiceId service) {
    const auto* row = std::find_if(std::begin(agent_services), std::end(agent_services), [&](const AgentService& r) { return r.service == service; });
    return row == std::end(agent_services) ? nullptr : row;
}

Now read_clocks() {
    Now now;
    now.wall = static_cast<std::int64_t>(std::time(nullptr));
    now.steady = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch());
    return now;
}

// Its asker has given up, and said so to its client. What we read late, because we or authd stood still, is not begun any more.
bool is_late(ipc::AnswerUntil until) { return until != 0 && until < read_clocks().steady.count(); }

SubmitStatus status_of(const Error& error) {
    switch (error.code()) {
    case Errc::no_space: return SubmitStatus::no_space;
    case Errc::too_large:
    case Errc::invalid: return SubmitStatus::refused;
    default: return SubmitStatus::unavailable;
    }
}

bool is_foreign(const ipc::EnvelopeRecipient& recipient) { return recipient.account == 0; }

bool has_foreign(const ipc::Envelope& envelope) {
    return std::any_of(envelope.recipients.begin(), envelope.recipients.end(), is_foreign);
}

List<ipc::ForeignRecipient, ipc::max_recipients> foreign_of(const ipc::Envelope& envelope) {
    List<ipc::ForeignRecipient, ipc::max_recipients> foreign;
    for (const ipc::EnvelopeRecipient& recipient : envelope.recipients)
        if (is_foreign(recipient)) foreign.push_back({recipient.forward_path, recipient.address});
    return foreign;
}

} // namespace

Service::Service(ipc::Daemon& daemon) :
    daemon_(daemon), authd_(daemon.link(ipc::ServiceId::authd)),
    queue_(queue_options(daemon.config()),
           {[this](AgentId agent, JobId job, ipc::Deliver message, Fd large) {
                deliver(agent, job, std::move(message), std::move(large));
            },
            [this](AgentId agent, JobId job, ipc::ComposeReport message, Fd large) {
                compose(agent, job, std::move(message), std::move(large));
            },
            [this](const ipc::Address& address, const TraceId& trace, std::function<void(Queue::Ports::Resolved)> done) {
                resolve(address, trace, std::move(done));
            },
            tell_recipient, tell_reported, tell_report_failed, tell_corrupt,
            [this](std::size_t messages) {
                log::info("queue.recovered", {{"queue", "all"}, {"messages", messages}});
                for (const auto& task : std::exchange(until_recovered_, {})) task();
            }}),
    tick_(daemon.loop(), [this] { tick(); }), drain_check_(daemon.loop(), [this] { drain(); }) {
    queue_.tick(read_clocks());
    open_spool();
    serve_intake();
    serve_agents();
    serve_views();
    serve_operator();
    serve_orders();
    daemon_.on_reload([this] { queue_.configure(queue_options(daemon_.config())); });
    daemon_.on_peer_closed([this](const ipc::Peer& peer) { peer_closed(peer); });
    daemon_.on_peer_retiring([this](ipc::Channel& channel) {
        for (const auto& [agent, serving] : agents_)
            if (serving.get() == &channel) queue_.agent_retires(agent);
    });
    daemon_.on_drain([this] {
        draining_ = true;
        drain_check_.every(drain_period);
    });
    daemon_.loop().at_turn_end([this] { turn_end(); });
    tick_.every(tick_period);
}

// A spool that cannot be opened at all ends the process: master tells, and starts it again.
void Service::open_spool() {
    const Fd root(::open(daemon_.state().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root) throw std::runtime_error(Error::from_errno("open the spool").message());
    auto hooks = queue_.hooks();
    hooks.post = [this](std::function<void()> task) { daemon_.loop().post(std::move(task)); };
    hooks.trouble = [](std::string_view event, const std::string& detail) {
        log::error(event, {{"queue", "all"}, {"detail", detail}});
    };
    auto opened = Spool::open(real_sys(), root.get(), spool_options(daemon_.config()), std::move(hooks));
    if (!opened) throw std::runtime_error("open the spool: " + opened.error().message());
    spool_ = std::move(*opened);
    queue_.attach(*spool_);
}

// ---- intake ------------------------------------------------------------------------------------------------------

void Service::serve_intake() {
    daemon_.on<ipc::Submit>([this](In<ipc::Submit> in) { submit(std::make_shared<In<ipc::Submit>>(std::move(in))); });
    daemon_.on<ipc::OpenLarge>([this](In<ipc::OpenLarge> in) { open_large(std::move(in)); });
    daemon_.on<ipc::AbandonLarge>([this](In<ipc::AbandonLarge> in) { abandon_large(in.message.token, in.channel->peer()); });
}

void Service::refuse(const In<ipc::Submit>& in, SubmitStatus status, std::string reason) {
    constexpr std::string_view names[] = {"accepted", "refused", "no_space", "unavailable"};
    tell_refused(in.message.envelope, names[static_cast<std::size_t>(status)], reason);
    reason.resize(std::min(reason.size(), decltype(ipc::Submitted::reason)::limit));
    in.reply({status, {}, std::move(reason)});
}

void Service::submit(const std::shared_ptr<In<ipc::Submit>>& in) {
    const ipc::Submit& message = in->message;
    if (message.envelope.recipients.empty()) return refuse(*in, SubmitStatus::refused, "no recipients");
    if (!spool_->refusal().empty()) return refuse(*in, SubmitStatus::no_space, spool_->refusal());
    if (is_own_mail(in->channel->peer().service)) address_own(in);
    else if (has_foreign(message.envelope)) authorize(in);
    else take_body(in);
}

// What the suite itself writes needs no leave of an account, and knows none: where its one recipient is, is for us to find.
void Service::address_own(const std::shared_ptr<In<ipc::Submit>>& in) {
    ipc::Envelope& envelope = in->message.envelope;
    if (envelope.recipients.size() != 1) return refuse(*in, SubmitStatus::refused, "a report has one recipient");
    ++submissions_;
    resolve(envelope.recipients.items.front().forward_path, envelope.trace, [this, in](Queue::Ports::Resolved to) {
        --submissions_;
        if (!to) return refuse(*in, SubmitStatus::unavailable, "accounts cannot be asked now");
        if (to->empty()) return refuse(*in, SubmitStatus::refused, "nobody has the address a report is for");
        in->message.envelope.recipients = std::move(*to);
        in->message.envelope.tls_report = true;
        take_body(in);
    });
}

// Mail leaves this host only for a session that authd knows, or where an address here leads, whatever smtpd says (DESIGN
// section 3, Identity).
void Service::authorize(const std::shared_ptr<In<ipc::Submit>>& in) {
    const ipc::Submit& message = in->message;
    ++submissions_;
    authd_.call<ipc::AuthorizeRelay>(
        {message.envelope.trace, message.handle, message.envelope.reverse_path, foreign_of(message.envelope)},
        [this, in](Result<ipc::RelayVerdict> verdict) {
            --submissions_;
            if (!verdict || verdict->verdict == ipc::Verdict::unavailable)
                return refuse(*in, SubmitStatus::unavailable, "accounts cannot be asked now");
            if (verdict->verdict == ipc::Verdict::denied)
                return refuse(*in, SubmitStatus::refused, "this session may not send to other hosts");
            in->message.envelope.sender = verdict->account;   // 0: nobody's, it goes where its recipients have it go
            take_body(in);
        },
        authd_deadline);
}

void Service::take_body(const std::shared_ptr<In<ipc::Submit>>& in) {
    const std::uint64_t token = in->message.large;
    if (token == 0) return accept(in, std::nullopt);
    if (const auto opened = large_.find(token); opened != large_.end() && opened->second == in->channel->peer()) {
        large_.erase(opened);
    } else if (!spool_->is_recovered()) {                // it may be of before our start: then we know more
        return when_recovered([this, in] { take_body(in); });
    } else if (!spool_->adopt_large(token)) {
        return refuse(*in, SubmitStatus::unavailable, "the large body is gone");   // sent again, it may get here
    }
    ++submissions_;
    spool_->commit_large(token, [this, in, token](Result<LargeBody> body) {
        --submissions_;
        if (body) return accept(in, *body);
        spool_->remove_large(token);
        refuse(*in, SubmitStatus::unavailable, body.error().message());
    });
}

void Service::accept(const std::shared_ptr<In<ipc::Submit>>& in, std::optional<LargeBody> large) {
    if (is_late(in->message.answer_until)) {
        if (large) spool_->remove_large(large->name);
        return refuse(*in, SubmitStatus::unavailable, "too late: its client was told to send it again");
    }
    Accepted message;
    message.arrived = static_cast<std::int64_t>(std::time(nullptr));
    message.envelope = std::move(in->message.envelope);
    if (large) message.large = *large;
    else message.body = std::move(in->message.body);
    const std::uint64_t bytes = large ? large->size : message.body.value.size();
    in->message.envelope.trace = message.envelope.trace;     // for refuse()
    ++submissions_;
    queue_.accept(std::move(message), [this, in, large, bytes](Result<QueueId> id, const ipc::Envelope& envelope) {
        --submissions_;
        if (id) {
            tell_accepted(*id, envelope, bytes);
            in->reply({SubmitStatus::accepted, *id, ""});
            return;
        }
        if (large) spool_->remove_large(large->name);
        refuse(*in, status_of(id.error()), id.error().message());
    });
}

void Service::open_large(In<ipc::OpenLarge> in) {
    if (is_late(in.message.answer_until)) return in.reply({SubmitStatus::unavailable, 0});
    const auto mine = std::count_if(large_.begin(), large_.end(),
                                    [&](const auto& open) { return open.second == in.channel->peer(); });
    if (static_cast<std::size_t>(mine) >= max_large_per_peer) return in.reply({SubmitStatus::unavailable, 0});
    auto opened = spool_->create_large();
    if (!opened) return in.reply({status_of(opened.error()), 0});
    large_[opened->name] = in.channel->peer();
    in.reply({SubmitStatus::accepted, opened->name}, std::move(opened->descriptor));
}

void Service::abandon_large(std::uint64_t token, const ipc::Peer& by) {
    const auto opened = large_.find(token);
    const bool ours = opened != large_.end() && opened->second == by;
    if (ours) large_.erase(opened);
    if (ours || spool_->adopt_large(token)) spool_->remove_large(token);
}

// ---- agents and owners -------------------------------------------------------------------------------------------

void Service::serve_agents() {
    daemon_.on<ipc::AgentReady>([this](In<ipc::AgentReady> in) { agent_ready(std::move(in)); });
    daemon_.on<ipc::OwnerReady>([this](In<ipc::OwnerReady> in) { owner_ready(std::move(in)); });
}

void Service::agent_ready(In<ipc::AgentReady> in) {
    const AgentService* row = agent_service(in.channel->peer().service);
    if (!row || row->kind != in.message.kind) return in.channel->close("not an agent of that kind");
    for (const auto& [id, channel] : agents_)
        if (channel == in.channel) return in.channel->close("ready twice");
    const AgentId agent = next_agent_++;
    agents_[agent] = in.channel;
    queue_.agent_up(agent, in.message.kind, std::min<std::uint32_t>(in.message.slots, 10000));
}

void Service::deliver(AgentId agent, JobId job, ipc::Deliver message, Fd large) {
    const auto found = agents_.find(agent);
    if (found == agents_.end()) return;                      // its jobs were given back
    found->second->call<ipc::Deliver>(
        message,
        [this, job](Result<ipc::DeliverResult> result, Fd) {
            if (result) queue_.job_done(job, *result);
            else if (result.error().code() != Errc::closed) queue_.job_unanswered(job);
        },
        agent_service(found->second->peer().service)->deadline, std::move(large));
}

void Service::compose(AgentId agent, JobId job, ipc::ComposeReport message, Fd large) {
    const auto found = agents_.find(agent);
    if (found == agents_.end()) return;
    found->second->call<ipc::ComposeReport>(
        message,
        [this, job](Result<ipc::ComposedReport> report, Fd) {
            if (report || report.error().code() != Errc::closed) queue_.report_done(job, std::move(report));
        },
        agent_service(found->second->peer().service)->deadline, std::move(large));
}

// Where a report goes. Mail of our own needs no leave for other hosts.
void Service::resolve(const ipc::Address& address, const TraceId& trace, std::function<void(Queue::Ports::Resolved)> done) {
    authd_.call<ipc::ResolveRecipient>(
        {trace, address, 0, {}, {}},
        [address, done = std::move(done)](Result<ipc::RecipientVerdict> verdict) {
            if (!verdict || verdict->status == ipc::RecipientStatus::unavailable) return done(std::nullopt);
            std::vector<ipc::EnvelopeRecipient> to;
            if (verdict->status == ipc::RecipientStatus::foreign) to.push_back({address, 0, address, {}});
            for (const ipc::LocalTarget& target : verdict->targets) to.push_back({address, target.account, target.delivered_to, target.detail});
            for (const ipc::Address& forward : verdict->forwards) to.push_back({address, 0, forward, {}});
            done(std::move(to));
        },
        authd_deadline);
}

void Service::owner_ready(In<ipc::OwnerReady> in) {
    const ipc::Peer& peer = in.channel->peer();
    if (in.message.instance != peer.instance || in.message.of != daemon_.config().number("processes.imapd"))
        return in.channel->close("not the owner it says it is");
    owners_[peer.instance] = {in.channel, peer};
    queue_.owner_up(peer.instance);
}

void Service::checkpoint(std::uint32_t number) {
    Owner& owner = owners_.at(number);
    if (!queue_.begin_checkpoint(number)) return;
    owner.channel->call<ipc::Checkpoint>(
        {++owner.checkpoints},
        [this, number, peer = owner.peer](Result<ipc::CheckpointDone> done, Fd) {
            const auto current = owners_.find(number);
            if (current == owners_.end() || current->second.peer != peer) return;   // owner_down() has dealt with it
            if (!done && done.error().code() == Errc::closed) return;               // or will
            const bool durable = done && done->durable;
            if (!durable)
                log::error("queue.checkpoint.failed",
                           {{"queue", "all"}, {"owner", number}, {"reason", done ? "not durable" : done.error().message()}});
            queue_.checkpoint_done(number, durable);
        },
        checkpoint_deadline);
}

void Service::tell_replay_ended() {
    for (auto& [number, owner] : owners_) {
        if (owner.replay_ended || !queue_.replay_ended(number)) continue;
        owner.replay_ended = true;
        owner.channel->send(ipc::ReplayEnded{number});
    }
}

void Service::peer_closed(const ipc::Peer& peer) {
    for (auto open = large_.begin(); open != large_.end();) {
        const auto next = std::next(open);
        if (open->second == peer) abandon_large(open->first, peer);
        open = next;
    }
    for (auto agent = agents_.begin(); agent != agents_.end();) {
        const auto next = std::next(agent);
        if (agent->second->peer() == peer) {
            queue_.agent_down(agent->first);
            agents_.erase(agent);
        }
        agent = next;
    }
    const auto owner = owners_.find(peer.instance);
    if (peer.service != ipc::ServiceId::imapd || owner == owners_.end() || owner->second.peer != peer) return;
    owners_.erase(owner);
    queue_.owner_down(peer.instance);
}

// ---- views, time -------------------------------------------------------------------------------------------------

void Service::serve_views() {
    daemon_.on<ipc::QueueList>([this](In<ipc::QueueList> in) {
        when_recovered([this, ask = in.message, reply = in.reply] { reply(queue_.list(ask)); });
    });
    daemon_.on<ipc::QueueShow>([this](In<ipc::QueueShow> in) {
        when_recovered([this, ask = in.message, reply = in.reply] { reply(queue_.show(ask.id)); });
    });
}

void Service::serve_operator() {
    daemon_.on<ipc::QueueAct>([this](In<ipc::QueueAct> in) {
        when_recovered([this, ask = in.message, reply = in.reply] {
            const ipc::QueueActed acted = queue_.act(ask);
            if (acted.messages > 0) tell_operator(ask.actor, to_string(ask.action), acted.messages, acted.recipients);
            reply(acted);
        });
    });
    daemon_.on<ipc::QueueRead>([this](In<ipc::QueueRead> in) {
        when_recovered([this, ask = in.message, reply = in.reply] {
            queue_.read_content(ask.id, ask.from, [reply](ipc::QueueContent content) { reply(content); });
        });
    });
    daemon_.on<ipc::EditRecipient>([this](In<ipc::EditRecipient> in) {
        when_recovered([this, ask = in.message, reply = in.reply] { edit_recipient(ask, reply); });
    });
    daemon_.on<ipc::QueueStats>([this](In<ipc::QueueStats> in) {
        when_recovered([this, reply = in.reply] { reply(queue_.statistics()); });
    });
}

void Service::serve_orders() {
    daemon_.on<ipc::ListDestinations>([this](In<ipc::ListDestinations> in) { in.reply(queue_.list_destinations(in.message)); });
    daemon_.on<ipc::SetDestination>([this](In<ipc::SetDestination> in) {
        const auto done = kept(in.message.actor, to_string(in.message.action), in.reply);
        if (!queue_.set_destination(in.message.name.value, in.message.action, done))
            in.reply({ipc::AdminStatus::not_found, 0, "nothing is known of that destination"});
    });
    daemon_.on<ipc::ListHoldRules>([this](In<ipc::ListHoldRules> in) {
        ipc::HoldRuleListing listing;
        for (const ipc::HoldRule& rule : queue_.orders().rules)
            if (rule.number > in.message.after && listing.rows.size() < in.message.limit) listing.rows.push_back(rule);
        in.reply(listing);
    });
    daemon_.on<ipc::AddHoldRule>([this](In<ipc::AddHoldRule> in) {
        const ipc::AddHoldRule& ask = in.message;
        ipc::HoldRule rule{0, ask.sender, ask.recipient, ask.domain, printable(ask.reason.view()).substr(0, 200), {}, 0};
        rule.by = printable(ask.actor.who.view(), 64).substr(0, 64);
        const auto made = std::make_shared<std::uint64_t>(0);        // known before it is written
        const auto number = queue_.add_hold_rule(std::move(rule), kept(ask.actor, "hold-rule add", [made, reply = in.reply](ipc::AdminResult result) {
            result.id = *made;
            reply(result);
        }));
        if (!number) return in.reply({ipc::AdminStatus::invalid, 0, number.error().message()});
        *made = *number;
    });
    daemon_.on<ipc::RemoveHoldRule>([this](In<ipc::RemoveHoldRule> in) {
        if (!queue_.remove_hold_rule(in.message.number, kept(in.message.actor, "hold-rule delete", in.reply)))
            in.reply({ipc::AdminStatus::not_found, 0, "there is no such rule"});
    });
}

// What an order's asker hears once it is on disk, or was refused.
Queue::Kept Service::kept(const ipc::Actor& actor, std::string_view what, std::function<void(ipc::AdminResult)> reply) {
    return [actor, what, reply = std::move(reply)](const Result<void>& done) {
        if (!done && done.error().code() == Errc::too_large) return reply({ipc::AdminStatus::invalid, 0, done.error().message()});
        tell_operator(actor, what, 0, 0);
        if (done) return reply({ipc::AdminStatus::ok, 0, {}});
        log::error("queue.orders.unwritten", {{"queue", "all"}, {"error", done.error().message()}});
        reply({ipc::AdminStatus::unavailable, 0, "done, but not written: it ends with the next restart: " + done.error().message().substr(0, 150)});
    };
}

void Service::edit_recipient(const ipc::EditRecipient& ask, const std::function<void(ipc::AdminResult)>& reply) {
    const auto index = queue_.find_waiting(ask.id, ask.recipient);
    if (!index) return reply({ipc::AdminStatus::not_found, 0, "no such recipient waits in that message"});
    resolve(ask.address, ask.actor.trace, [this, ask, reply, index](Queue::Ports::Resolved to) {
        if (!to) return reply({ipc::AdminStatus::unavailable, 0, "accounts cannot be asked now"});
        if (to->size() != 1)
            return reply({ipc::AdminStatus::invalid, 0, to->empty() ? "that address leads nowhere" : "that address leads to several"});
        if (!queue_.edit(ask.id, *index, std::move(to->front()))) return reply({ipc::AdminStatus::conflict, 0, "it is being delivered now"});
        tell_operator(ask.actor, "edit", 1, 1);
        reply({ipc::AdminStatus::ok, 0, {}});
    });
}

// Until replay has ended, "the queue is empty" would be a guess.
void Service::when_recovered(std::function<void()> task) {
    if (spool_->is_recovered()) task();
    else until_recovered_.push_back(std::move(task));
}

// What one turn brought is handed out together: one write per agent and turn.
void Service::turn_end() {
    if (!draining_) queue_.dispatch();
    for (auto& [number, owner] : owners_)
        if (queue_.stored(number) >= early_checkpoint) checkpoint(number);
}

void Service::tick() {
    const Now now = read_clocks();
    queue_.tick(now);
    spool_->tick();
    for (auto& [number, owner] : owners_) checkpoint(number);
    tell_replay_ended();
    count_spool(*spool_, queue_);
    if (ticks_++ % ticks_per_account == 0) count_conservation(queue_.conservation());
}

// What is with an agent ends, what is in a mailbox is recorded; what waits, waits on disk, and large bodies that are
// being written for who comes after us.
void Service::drain() {
    for (auto& [number, owner] : owners_) checkpoint(number);
    if (submissions_ > 0 || !queue_.is_idle() || !spool_->is_idle()) return;
    drain_check_.cancel();
    daemon_.drained();
}

} // namespace postern::qmgr
