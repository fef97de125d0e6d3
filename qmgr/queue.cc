#include "qmgr/queue.h"

#include <algorithm>
#include <fmt/core.h>

namespace postern::qmgr {
namespace {

using ipc::DeliveryStatus;
using ipc::RecipientState;

constexpr std::uint8_t deaths_until_plain = 3;      // rule 11: then INBOX without a script, then hold/
constexpr std::chrono::hours longest_wait{4};

// As it was when the message was accepted.
bool is_new(const RecipientRecord& record) {
    RecipientRecord fresh;
    fresh.index = record.index;
    return record == fresh;
}

std::string clipped(std::string_view text) { return std::string(text.substr(0, decltype(RecipientRecord::error)::limit)); }

// States that live in memory only read back as queued.
RecipientRecord on_disk(RecipientRecord record) {
    const bool volatile_state = record.state == RecipientState::active || record.state == RecipientState::stored ||
                                record.state == RecipientState::no_route;
    if (volatile_state) record.state = RecipientState::queued;
    return record;
}

ipc::TraceHeader trace_header(const QueueId& id, const ipc::Envelope& envelope) {
    return envelope.trace_head.value + id.text() + envelope.trace_tail.value;
}

} // namespace

Spool::Hooks Queue::hooks() {
    Spool::Hooks hooks;
    hooks.snapshot = [this](const QueueId& id) { return snapshot(id); };
    hooks.recovered = [this](std::vector<RecoveredMessage> messages) { install(std::move(messages)); };
    hooks.damaged = [this](const QueueId& id, const std::string& why) { damaged(id, why); };
    return hooks;
}

Lane Queue::lane_of(const Entry& entry, std::uint32_t index) const {
    const AccountId account = entry.message.envelope.recipients.items[index].account;
    if (account == 0) return {ipc::AgentKind::smtp_out, 0};
    return {ipc::AgentKind::local, static_cast<std::uint32_t>(account % options_.owners)};
}

// ---- in ----------------------------------------------------------------------------------------------------------

void Queue::accept(Accepted message, AcceptDone done) {
    spool_->accept(std::move(message), [this, done = std::move(done)](Result<QueueId> id, Accepted&& accepted) {
        if (!id) return done(std::move(id), accepted.envelope);
        Entry entry;
        entry.size = accepted.large ? accepted.large->size : accepted.body.value.size();
        entry.whole = cached_ + accepted.body.value.size() <= options_.cache_bytes;
        if (entry.whole) cached_ += accepted.body.value.size();
        entry.message = std::move(accepted);
        if (!entry.whole) uncache(entry);
        entry.recipients.resize(entry.message.envelope.recipients.size());
        const QueueId queue_id = *id;
        done(std::move(id), add(queue_id, std::move(entry)).message.envelope);
    });
}

Queue::Entry& Queue::add(const QueueId& id, Entry entry) {
    const auto at = entries_.emplace(id, std::move(entry)).first;
    Entry& e = at->second;
    for (std::uint32_t i = 0; i < e.recipients.size(); ++i) {
        RecipientRecord& record = e.recipients[i].record;
        record.index = i;
        if (record.state == RecipientState::queued) make_ready(id, e, i);
        if (record.state != RecipientState::deferred) continue;
        // The steady clock decides; one that was set back while we were away delays nothing beyond a full step.
        const auto wait = std::clamp<std::int64_t>(record.next_attempt - now_.wall, 0, std::chrono::seconds(longest_wait).count());
        wait_until(now_.steady + std::chrono::seconds(wait), id, i);
    }
    return e;
}

void Queue::install(std::vector<RecoveredMessage> messages) {
    std::vector<FinishedMessage> finished;
    for (RecoveredMessage& m : messages) {
        Entry entry;
        entry.size = m.size;
        entry.message = std::move(m.message);
        bool waits = false;
        for (RecipientRecord& record : m.recipients) {
            waits = waits || record.outcome == Outcome::waiting;
            entry.recipients.push_back({on_disk(std::move(record)), false});
        }
        if (!waits) {                     // its finished record was in a range that was damaged
            entry.ending = true;
            finished.push_back({m.id, 0});
        }
        add(m.id, std::move(entry));
    }
    finish(Outcome::delivered, std::move(finished));
    ports_.recovered(messages.size());
}

void Queue::uncache(Entry& entry) {
    if (entry.whole) cached_ -= entry.message.body.value.size();
    entry.whole = false;
    entry.message.forget_content();
}

// ---- out ---------------------------------------------------------------------------------------------------------

void Queue::make_ready(const QueueId& id, Entry& entry, std::uint32_t index) {
    const Lane lane = lane_of(entry, index);
    RecipientRecord& record = entry.recipients[index].record;
    record.state = RecipientState::queued;
    if (lane.kind != ipc::AgentKind::local && !agents_.any(lane.kind)) record.state = RecipientState::no_route;
    else if (entry.suspect) agents_.put_suspect(lane.kind, id);
    else agents_.put(lane, id);
}

void Queue::wait_until(std::chrono::milliseconds due, const QueueId& id, std::uint32_t index) {
    due_.emplace(due, std::pair(id, index));
}

void Queue::dispatch() {
    while (auto choice = agents_.next(owners_up_)) start_job(*choice);
}

// A job is one message's recipients of one lane: another lane's slow owner never delays them.
void Queue::start_job(const Agents::Choice& choice) {
    const auto found = entries_.find(choice.message);
    if (found == entries_.end()) return;
    Entry& entry = found->second;
    if (entry.suspect && choice.lane) return agents_.put_suspect(choice.kind, choice.message);
    Job job{choice.message, choice.agent, {}, 0, {}, false};
    for (std::uint32_t i = 0; i < entry.recipients.size(); ++i) {
        Recipient& recipient = entry.recipients[i];
        if (recipient.record.state != RecipientState::queued || recipient.record.outcome != Outcome::waiting) continue;
        const Lane lane = lane_of(entry, i);
        if (lane.kind != choice.kind || (choice.lane && lane != *choice.lane)) continue;
        if (!job.recipients.empty() && lane != job.lane) continue;
        job.lane = lane;
        job.plain = job.plain || recipient.record.deaths >= deaths_until_plain;
        job.recipients.push_back(i);
    }
    if (job.recipients.empty()) return;
    if (lane_of(entry, job.recipients.front()).kind == ipc::AgentKind::local) job.owner_life = owners_[job.lane.owner].life;
    for (const std::uint32_t index : job.recipients) entry.recipients[index].record.state = RecipientState::active;
    const JobId id = next_job_++;
    agents_.start(choice, id);
    jobs_.emplace(id, std::move(job));
    if (entry.whole) {
        cached_ -= entry.message.body.value.size();
        entry.whole = false;
        Accepted message;
        message.body.value = std::exchange(entry.message.body.value, {});
        message.arrived = entry.message.arrived;
        message.large = entry.message.large;
        message.envelope = entry.message.envelope;
        uncache(entry);
        return send_job(id, std::move(message));
    }
    spool_->read(choice.message, [this, id](Result<Accepted> message) {
        if (message) send_job(id, std::move(*message));
        else fetch_failed(id, message.error());
    });
}

void Queue::send_job(JobId id, Accepted message) {
    if (!message.large) return send_job(id, std::move(message), Fd());
    const LargeBody large = *message.large;
    spool_->open_large(large, [this, id, m = std::make_shared<Accepted>(std::move(message))](Result<Fd> body) {
        if (body) return send_job(id, std::move(*m), std::move(*body));
        const auto job = jobs_.find(id);
        const bool lost = body.error().code() == Errc::corrupt || body.error().code() == Errc::not_found;
        const QueueId message_id = job == jobs_.end() ? QueueId{} : job->second.id;
        fetch_failed(id, body.error());
        if (lost) hold(message_id);
    });
}

void Queue::send_job(JobId id, Accepted message, Fd large) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return;      // the agent is gone; its work was given back
    const Job& job = found->second;
    ipc::Deliver deliver;
    deliver.id = job.id;
    deliver.trace = message.envelope.trace;
    deliver.arrived = message.arrived;
    deliver.eight_bit = message.envelope.eight_bit;
    deliver.large = message.large.has_value();
    deliver.plain = job.plain;
    deliver.trace_header = trace_header(job.id, message.envelope);
    for (const std::uint32_t index : job.recipients)
        deliver.recipients.push_back({index, std::move(message.envelope.recipients.items[index])});
    deliver.reverse_path = std::move(message.envelope.reverse_path);
    deliver.body = std::move(message.body);
    ports_.deliver(job.agent, id, std::move(deliver), std::move(large));
}

void Queue::fetch_failed(JobId id, const Error& error) {
    ipc::DeliverResult result;
    const auto job = jobs_.find(id);
    if (job == jobs_.end()) return;
    for (const std::uint32_t index : job->second.recipients)
        result.outcomes.push_back({index, DeliveryStatus::deferred, "4.3.0", clipped(error.message())});
    job_done(id, result);
}

// ---- results -----------------------------------------------------------------------------------------------------

void Queue::job_done(JobId id, const ipc::DeliverResult& result) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return;
    const Job job = std::move(found->second);
    jobs_.erase(found);
    agents_.finished(job.agent, id);
    const auto at = entries_.find(job.id);
    if (at == entries_.end()) return;
    Entry& entry = at->second;
    entry.suspect = false;
    std::vector<std::uint32_t> delivered;
    RecipientRecords changes;
    for (const ipc::RecipientOutcome& outcome : result.outcomes) apply(job.id, entry, job, outcome, delivered, changes);
    for (const std::uint32_t index : job.recipients)       // an agent that left one out has not delivered it
        if (entry.recipients[index].record.state == RecipientState::active && !entry.recipients[index].ending)
            defer(job.id, entry, index, "4.3.0", "the agent gave no result", changes);
    if (!changes.empty()) spool_->change(job.id, std::move(changes));
    std::vector<FinishedMessage> finished;
    if (!delivered.empty()) end_recipients(job.id, delivered, Outcome::delivered, finished);
    finish(Outcome::delivered, std::move(finished));
}

void Queue::apply(const QueueId& id, Entry& entry, const Job& job, const ipc::RecipientOutcome& outcome,
                  std::vector<std::uint32_t>& delivered, RecipientRecords& changes) {
    if (std::find(job.recipients.begin(), job.recipients.end(), outcome.index) == job.recipients.end()) return;
    Recipient& recipient = entry.recipients[outcome.index];
    RecipientRecord& record = recipient.record;
    if (record.state != RecipientState::active || recipient.ending) return;     // said twice
    if (outcome.status == DeliveryStatus::deferred)
        return defer(id, entry, outcome.index, outcome.code, outcome.diagnostic, changes);
    ++record.attempts;
    record.code = outcome.code;
    record.error = outcome.diagnostic;
    if (outcome.status == DeliveryStatus::failed) {
        record.state = RecipientState::failed;
        changes.push_back(record);
        tell(id, entry, outcome.index);
        return;
    }
    if (job.lane.kind != ipc::AgentKind::local) {          // rule 9: recorded at once
        delivered.push_back(outcome.index);
        return;
    }
    Owner& owner = owners_[job.lane.owner];
    if (!owner.up || owner.life != job.owner_life) {       // who stored it is gone, and nobody vouches for it
        make_ready(id, entry, outcome.index);
        return;
    }
    record.state = RecipientState::stored;
    owner.stored.emplace_back(id, outcome.index);
    ++stored_count_;
    tell(id, entry, outcome.index);
}

void Queue::defer(const QueueId& id, Entry& entry, std::uint32_t index, std::string_view code, std::string_view why,
                  RecipientRecords& changes) {
    RecipientRecord& record = entry.recipients[index].record;
    ++record.attempts;
    record.code = code;
    record.error = clipped(why);
    if (expiry_.is_past(entry.message.arrived, now_)) {    // this attempt was the final one
        record.state = RecipientState::failed;
        record.error = clipped("given up after too long: " + std::string(why));
    } else {
        const auto delay = retry_delay(record.attempts, code);
        record.state = RecipientState::deferred;
        record.next_attempt = now_.wall + delay.count();
        wait_until(now_.steady + delay, id, index);
    }
    changes.push_back(record);
    tell(id, entry, index);
}

void Queue::job_unanswered(JobId id) { fetch_failed(id, Error(Errc::timeout, "the delivery agent did not answer")); }

void Queue::give_back(const Job& job) {
    const auto found = entries_.find(job.id);
    if (found == entries_.end()) return;
    for (const std::uint32_t index : job.recipients)
        if (found->second.recipients[index].record.state == RecipientState::active) make_ready(job.id, found->second, index);
}

// Ends these recipients: by a finished record when they are the message's last, else by a state record.
void Queue::end_recipients(const QueueId& id, const std::vector<std::uint32_t>& recipients, Outcome outcome,
                           std::vector<FinishedMessage>& finished) {
    const auto found = entries_.find(id);
    if (found == entries_.end() || found->second.ending) return;
    Entry& entry = found->second;
    for (const std::uint32_t index : recipients) entry.recipients[index].ending = true;
    entry.ending = std::all_of(entry.recipients.begin(), entry.recipients.end(), [](const Recipient& r) {
        return r.ending || r.record.outcome != Outcome::waiting;
    });
    if (entry.ending) {
        finished.push_back({id, static_cast<std::uint16_t>(recipients.size())});
        return;
    }
    RecipientRecords changes;
    for (const std::uint32_t index : recipients) {
        RecipientRecord record = entry.recipients[index].record;
        record.state = RecipientState::done;
        record.outcome = outcome;
        changes.push_back(std::move(record));
    }
    spool_->change(id, changes, [this, id, changes] {
        const auto at = entries_.find(id);
        if (at == entries_.end()) return;
        for (const RecipientRecord& record : changes) {
            at->second.recipients[record.index] = {record, false};
            tell(id, at->second, record.index);
        }
    });
}

void Queue::finish(Outcome outcome, std::vector<FinishedMessage> messages) {
    for (std::size_t from = 0; from < messages.size(); from += Finished::max_messages) {
        const auto begin = messages.begin() + static_cast<std::ptrdiff_t>(from);
        const auto count = static_cast<std::ptrdiff_t>(std::min(Finished::max_messages, messages.size() - from));
        std::vector<FinishedMessage> part(begin, begin + count);
        spool_->finish(outcome, part, [this, outcome, part] {
            for (const FinishedMessage& m : part) {
                const auto at = entries_.find(m.id);
                if (at == entries_.end()) continue;
                for (std::uint32_t i = 0; i < at->second.recipients.size(); ++i) {
                    RecipientRecord& record = at->second.recipients[i].record;
                    if (record.outcome != Outcome::waiting) continue;
                    record.state = RecipientState::done;
                    record.outcome = outcome;
                    tell(m.id, at->second, i);
                }
                if (at->second.whole) uncache(at->second);
                entries_.erase(at);
            }
        });
    }
}

void Queue::damaged(const QueueId& id, std::string_view why) {
    const auto found = entries_.find(id);
    if (found == entries_.end() || found->second.ending) return;
    ports_.corrupt(id, why);
    std::vector<std::uint32_t> waiting;
    for (std::uint32_t i = 0; i < found->second.recipients.size(); ++i) {
        const Recipient& recipient = found->second.recipients[i];
        const bool safe = recipient.ending || recipient.record.state == RecipientState::stored;   // in the mailbox
        if (recipient.record.outcome == Outcome::waiting && !safe) waiting.push_back(i);
    }
    if (waiting.empty()) return;
    std::vector<FinishedMessage> finished;
    end_recipients(id, waiting, Outcome::corrupt, finished);
    finish(Outcome::corrupt, std::move(finished));
}

// ---- agents ------------------------------------------------------------------------------------------------------

void Queue::agent_up(AgentId agent, ipc::AgentKind kind, std::uint32_t slots) {
    agents_.up(agent, kind, slots);
    if (kind == ipc::AgentKind::local) return;
    for (auto& [id, entry] : entries_)
        for (std::uint32_t i = 0; i < entry.recipients.size(); ++i)
            if (entry.recipients[i].record.state == RecipientState::no_route) make_ready(id, entry, i);
}

void Queue::agent_down(AgentId agent) {
    const bool guilty = agents_.holds_one(agent);
    for (const JobId id : agents_.down(agent)) {
        const auto found = jobs_.find(id);
        const Job job = std::move(found->second);
        jobs_.erase(found);
        const bool poison = blame(job, guilty);
        give_back(job);
        if (poison) hold(job.id);
    }
}

// Rule 11: the third death makes its next delivery plain; one more and it is set aside.
bool Queue::blame(const Job& job, bool guilty) {
    const auto found = entries_.find(job.id);
    if (found == entries_.end()) return false;
    found->second.suspect = true;
    if (!guilty) return false;
    RecipientRecords changes;
    bool poison = false;
    for (const std::uint32_t index : job.recipients) {
        RecipientRecord& record = found->second.recipients[index].record;
        if (record.state != RecipientState::active) continue;
        poison = poison || record.deaths >= deaths_until_plain;
        if (record.deaths < UINT8_MAX) ++record.deaths;
        record.error = "a delivery agent died on this message";
        changes.push_back(on_disk(record));
    }
    if (!changes.empty()) spool_->change(job.id, std::move(changes));
    return poison;
}

void Queue::hold(const QueueId& id) {
    const auto found = entries_.find(id);
    if (found == entries_.end() || found->second.ending) return;
    for (Recipient& recipient : found->second.recipients) {
        const RecipientState state = recipient.record.state;
        const bool out = state == RecipientState::active || state == RecipientState::stored;   // their results count
        if (recipient.record.outcome == Outcome::waiting && !recipient.ending && !out)
            recipient.record.state = RecipientState::held;
    }
    spool_->set_on_hold(id, [this, id](const Result<void>& result) {
        const auto at = entries_.find(id);
        if (at == entries_.end()) return;
        RecipientRecords changes;
        for (std::uint32_t i = 0; i < at->second.recipients.size(); ++i) {
            RecipientRecord& record = at->second.recipients[i].record;
            if (record.state != RecipientState::held || record.outcome != Outcome::waiting) continue;
            if (!result) record.error = clipped("on hold, not copied to hold/: " + result.error().message());
            changes.push_back(record);
            tell(id, at->second, i);
        }
        if (!changes.empty()) spool_->change(id, std::move(changes));
    });
}

// ---- owners ------------------------------------------------------------------------------------------------------

void Queue::owner_up(std::uint32_t owner) {
    owner_down(owner);
    owners_[owner].up = true;
    ++owners_[owner].life;
    owners_[owner].replay.reset();
    owners_up_.insert(owner);
}

// Rule 8: what it said it stored was never vouched for. Delivering it again makes no second copy.
void Queue::owner_down(std::uint32_t number) {
    Owner& owner = owners_[number];
    owner.up = owner.checkpoint_runs = false;
    owners_up_.erase(number);
    for (auto* list : {&owner.in_checkpoint, &owner.stored}) {
        for (const auto& [id, index] : std::exchange(*list, {})) {
            --stored_count_;
            if (const auto at = entries_.find(id); at != entries_.end()) make_ready(id, at->second, index);
        }
    }
}

std::size_t Queue::stored(std::uint32_t owner) const {
    const auto found = owners_.find(owner);
    return found == owners_.end() ? 0 : found->second.stored.size();
}

bool Queue::begin_checkpoint(std::uint32_t number) {
    Owner& owner = owners_[number];
    if (!owner.up || owner.checkpoint_runs || owner.stored.empty()) return false;
    owner.in_checkpoint = std::exchange(owner.stored, {});
    owner.checkpoint_runs = true;
    return true;
}

// What came since is counted in: it is durable soon, too. From the newest, so that most of a long list goes at once.
bool Queue::replay_ended(std::uint32_t number) {
    Owner& owner = owners_[number];
    if (!owner.up || !spool_->is_recovered()) return false;
    if (!owner.replay) {
        owner.replay.emplace();
        for (const auto& [id, entry] : entries_)
            for (std::uint32_t i = 0; i < entry.recipients.size(); ++i)
                if (lane_of(entry, i) == Lane{ipc::AgentKind::local, number}) owner.replay->emplace_back(id, i);
    }
    while (!owner.replay->empty() && !may_be_replayed(owner.replay->back().first, owner.replay->back().second))
        owner.replay->pop_back();
    return owner.replay->empty();
}

// Deferred because the mailbox refused it: it is not there. For any other reason it may be, but not durably.
bool Queue::may_be_replayed(const QueueId& id, std::uint32_t index) const {
    const auto at = entries_.find(id);
    if (at == entries_.end()) return false;
    const RecipientRecord& record = at->second.recipients[index].record;
    if (record.outcome != Outcome::waiting) return false;
    return record.state != RecipientState::deferred || record.code.view() == "4.3.0";
}

void Queue::checkpoint_done(std::uint32_t number, bool durable) {
    Owner& owner = owners_[number];
    if (!owner.checkpoint_runs) return;
    owner.checkpoint_runs = false;
    auto list = std::exchange(owner.in_checkpoint, {});
    stored_count_ -= list.size();
    std::sort(list.begin(), list.end());
    std::vector<FinishedMessage> finished;
    for (std::size_t from = 0, to = 0; from < list.size(); from = to) {
        std::vector<std::uint32_t> recipients;
        for (to = from; to < list.size() && list[to].first == list[from].first; ++to) recipients.push_back(list[to].second);
        const QueueId& id = list[from].first;
        if (durable) {
            end_recipients(id, recipients, Outcome::delivered, finished);
        } else if (const auto at = entries_.find(id); at != entries_.end()) {
            RecipientRecords changes;
            for (const std::uint32_t index : recipients)
                defer(id, at->second, index, "4.3.0", "the mailbox could not be made durable", changes);
            spool_->change(id, std::move(changes));
        }
    }
    finish(Outcome::delivered, std::move(finished));
}

// ---- time and views ----------------------------------------------------------------------------------------------

void Queue::tick(const Now& now) {
    now_ = now;
    expiry_.tick(now);
    while (!due_.empty() && due_.begin()->first <= now.steady) {
        const auto [id, index] = due_.begin()->second;
        due_.erase(due_.begin());
        const auto at = entries_.find(id);
        if (at != entries_.end() && at->second.recipients[index].record.state == RecipientState::deferred)
            make_ready(id, at->second, index);
    }
}

RecipientRecords Queue::snapshot(const QueueId& id) const {
    RecipientRecords records;
    const auto found = entries_.find(id);
    if (found == entries_.end()) return records;
    for (const Recipient& recipient : found->second.recipients)
        if (const auto record = on_disk(recipient.record); !is_new(record)) records.push_back(record);
    return records;
}

ipc::QueueRow Queue::row(const QueueId& id, const Entry& entry) const {
    ipc::QueueRow row;
    row.id = id;
    row.trace = entry.message.envelope.trace;
    row.reverse_path = entry.message.envelope.reverse_path;
    row.size = entry.size;
    row.arrived = entry.message.arrived;
    for (std::uint32_t i = 0; i < entry.recipients.size(); ++i) {
        const RecipientRecord& record = entry.recipients[i].record;
        if (record.outcome != Outcome::waiting) continue;
        if (row.recipients++ > 0) continue;
        row.first_recipient = entry.message.envelope.recipients.items[i].forward_path;
        row.state = record.state;
        row.last_error = record.error;
    }
    return row;
}

ipc::QueueListing Queue::list(const QueueId& after, std::uint32_t limit) const {
    ipc::QueueListing listing;
    listing.total = entries_.size();
    limit = std::min<std::uint32_t>(limit, decltype(listing.rows)::limit);
    for (auto at = entries_.upper_bound(after); at != entries_.end() && listing.rows.size() < limit; ++at)
        listing.rows.push_back(row(at->first, at->second));
    return listing;
}

ipc::QueueEntry Queue::show(const QueueId& id) const {
    ipc::QueueEntry shown;
    const auto found = entries_.find(id);
    if (found == entries_.end()) return shown;
    const Entry& entry = found->second;
    shown.found = true;
    shown.row = row(id, entry);
    shown.client = entry.message.envelope.client;
    shown.sender = entry.message.envelope.sender;
    for (std::uint32_t i = 0; i < entry.recipients.size(); ++i) {
        const ipc::EnvelopeRecipient& recipient = entry.message.envelope.recipients.items[i];
        const RecipientRecord& record = entry.recipients[i].record;
        shown.recipients.push_back({recipient.forward_path, recipient.address, record.state, record.attempts,
                                    record.next_attempt, record.error});
    }
    return shown;
}

Queue::Conservation Queue::conservation() const {
    Conservation c;
    c.totals = spool_->totals();
    for (const auto& [id, entry] : entries_)
        for (const Recipient& recipient : entry.recipients)
            if (recipient.record.outcome == Outcome::waiting)
                ++(recipient.record.state == RecipientState::held ? c.held : c.queued);
    // Until replay has ended, what it will find is in the account only.
    c.balanced = !spool_->is_recovered() || c.totals.waiting() == static_cast<std::int64_t>(c.queued + c.held);
    return c;
}

void Queue::tell(const QueueId& id, const Entry& entry, std::uint32_t index) const {
    ports_.ended_or_deferred({id, entry.message, entry.message.envelope.recipients.items[index], entry.recipients[index].record});
}

} // namespace postern::qmgr
