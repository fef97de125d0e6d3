// What goes to agents and what comes back: jobs, their outcomes, agents that die.
#include "qmgr/queue.h"

#include <algorithm>

namespace postern::qmgr {
namespace {

using ipc::DeliveryStatus;
using ipc::RecipientState;

constexpr std::uint8_t deaths_until_plain = 3;      // rule 11: then INBOX without a script, then hold/

std::string clipped(std::string_view text) { return std::string(text.substr(0, decltype(RecipientRecord::error)::limit)); }

ipc::TraceHeader trace_header(const QueueId& id, const ipc::Envelope& envelope) {
    return envelope.trace_head.value + id.text() + envelope.trace_tail.value;
}

ipc::Extensions extensions_for(const std::vector<std::uint32_t>& recipients, ipc::Extensions extensions) {
    std::erase_if(extensions.recipients.items, [&](const ipc::RecipientDsn& dsn) {
        return std::find(recipients.begin(), recipients.end(), dsn.index) == recipients.end();
    });
    return extensions;
}

} // namespace

void Queue::make_ready(const QueueId& id, Entry& entry, std::uint32_t index) {
    const Lane lane = lane_of(entry, index);
    RecipientRecord& record = entry.recipients[index].record;
    record.state = RecipientState::queued;
    if (lane.kind != ipc::AgentKind::local && !agents_.any(lane.kind)) record.state = RecipientState::no_route;
    else if (entry.suspect) agents_.put_suspect(lane.kind, id);
    else if (lane.kind == ipc::AgentKind::local) agents_.put(lane, id);
    else agents_.destinations().put(lane.destination, routes_.limits(entry.recipient(index).address), priority_of(entry), id);
}

void Queue::wait_until(std::chrono::milliseconds due, const QueueId& id, std::uint32_t index) {
    due_.emplace(due, std::pair(id, index));
}

void Queue::dispatch() {
    while (auto choice = agents_.next(owners_up_)) start_job(*choice);
}

// A job is one message's recipients of one lane: another lane's slow owner never delays them. Another host takes so many at a
// time, and one reverse-path; the rest is the next job.
std::vector<std::uint32_t> Queue::recipients_for(const Entry& entry, const Agents::Choice& choice, Job& job) {
    std::vector<std::uint32_t> chosen;
    for (std::uint32_t i = 0; i < entry.recipients.size(); ++i) {
        const RecipientRecord& record = entry.recipients[i].record;
        if (record.state != RecipientState::queued || record.outcome != Outcome::waiting) continue;
        Lane lane = lane_of(entry, i);
        if (lane.kind != choice.kind || (choice.lane && lane != *choice.lane)) continue;
        if (!chosen.empty() && lane != job.lane) continue;
        if (lane.kind == ipc::AgentKind::smtp_out && !chosen.empty() &&
            (chosen.size() == options_.recipients_at_once || entry.reverse_path(i) != entry.reverse_path(chosen.front()))) {
            make_ready(choice.message, entries_.at(choice.message), i);
            continue;
        }
        job.lane = std::move(lane);
        job.plain = job.plain || record.deaths >= deaths_until_plain;
        chosen.push_back(i);
    }
    return chosen;
}

void Queue::start_job(const Agents::Choice& choice) {
    if (choice.kind == ipc::AgentKind::bounce) return start_report(choice);
    const auto found = entries_.find(choice.message);
    if (found == entries_.end()) return;
    Entry& entry = found->second;
    if (entry.suspect && choice.lane) return agents_.put_suspect(choice.kind, choice.message);
    Job job{choice.message, choice.agent, {}, 0, {}, false, {}};
    job.recipients = recipients_for(entry, choice, job);
    if (job.recipients.empty()) return;
    if (job.lane.kind == ipc::AgentKind::local) job.owner_life = owners_[job.lane.owner].life;
    for (const std::uint32_t index : job.recipients) entry.recipients[index].record.state = RecipientState::active;
    const JobId id = next_job_++;
    agents_.start(choice, id, job.lane);
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
    if (found == jobs_.end() || !entries_.contains(found->second.id)) return;      // the agent is gone; its work was given back
    const Job& job = found->second;
    ipc::Deliver deliver;
    deliver.id = job.id;
    deliver.trace = message.envelope.trace;
    deliver.arrived = message.arrived;
    deliver.body_kind = message.envelope.body;
    deliver.extensions = extensions_for(job.recipients, std::move(message.envelope.extensions));
    deliver.large = message.large.has_value();
    deliver.plain = job.plain;
    deliver.next_hop = job.lane.destination;
    deliver.tls_report = message.envelope.tls_report;
    deliver.trace_header = trace_header(job.id, message.envelope);
    const Entry& entry = entries_.at(job.id);
    for (const std::uint32_t index : job.recipients) deliver.recipients.push_back({index, entry.recipient(index)});
    deliver.reverse_path = entry.reverse_path(job.recipients.front());
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
    if (job.lane.kind == ipc::AgentKind::smtp_out) {
        const std::string_view why = result.outcomes.empty() ? std::string_view() : result.outcomes.items.front().diagnostic.view();
        agents_.destinations().finished(job.lane.destination, result.reach, why, now_.steady, now_.wall);
        if (result.reach == ipc::Reach::answered) agents_.left_connection(job.agent, job.lane.destination);
    }
    const auto at = entries_.find(job.id);
    if (at == entries_.end()) return;
    Entry& entry = at->second;
    entry.suspect = false;
    std::vector<std::uint32_t> delivered;
    RecipientRecords changes;
    for (const ipc::RecipientOutcome& outcome : result.outcomes) apply(job.id, entry, job, result, outcome, delivered, changes);
    for (const std::uint32_t index : job.recipients)       // an agent that left one out has not delivered it
        if (entry.recipients[index].record.state == RecipientState::active && !entry.recipients[index].ending)
            defer(job.id, entry, index, "4.3.0", "the agent gave no result", changes);
    if (!changes.empty()) spool_->change(job.id, std::move(changes));
    std::vector<FinishedMessage> finished;
    if (!delivered.empty()) end_recipients(job.id, delivered, Outcome::delivered, finished);
    finish(Outcome::delivered, std::move(finished));
    consider_report(job.id, entry);
}

void Queue::apply(const QueueId& id, Entry& entry, const Job& job, const ipc::DeliverResult& result,
                  const ipc::RecipientOutcome& outcome, std::vector<std::uint32_t>& delivered, RecipientRecords& changes) {
    if (std::find(job.recipients.begin(), job.recipients.end(), outcome.index) == job.recipients.end()) return;
    Recipient& recipient = entry.recipients[outcome.index];
    RecipientRecord& record = recipient.record;
    if (record.state != RecipientState::active || recipient.ending) return;     // said twice
    record.note.remote = result.remote_mta;
    record.note.last_attempt = now_.wall;
    if (outcome.status == DeliveryStatus::deferred)
        return defer(id, entry, outcome.index, outcome.code, outcome.diagnostic, changes);
    ++record.attempts;
    record.code = outcome.code;
    record.error = outcome.diagnostic;
    if (outcome.status == DeliveryStatus::failed) return fail(id, entry, outcome.index, changes);
    if (job.lane.kind != ipc::AgentKind::local) {          // rule 9: recorded at once
        if (result.dsn_passed || !tells_success(entry, outcome.index)) {
            recipient.ending = true;
            return delivered.push_back(outcome.index);
        }
        record.state = RecipientState::delivered;
        changes.push_back(record);
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
    record.note.last_attempt = now_.wall;
    record.code = code;
    record.error = clipped(why);
    const RetryPolicy policy = routes_.retry(entry.recipient(index).address);
    const auto since = std::max(entry.message.arrived, entry.message.envelope.extensions.hold_until);
    const bool last = policy.max_attempts != 0 && record.attempts >= policy.max_attempts && !code.starts_with("4.3.");
    if (last || expiry_.is_past(since, policy.max_age, now_)) {     // this attempt was the final one
        record.error = clipped(std::string(last ? "given up after the last attempt: " : "given up after too long: ") + std::string(why));
        return fail(id, entry, index, changes);
    }
    const auto delay = retry_delay(policy, record.attempts, code, std::hash<std::string>{}(id.text()) + index + record.attempts);
    record.state = RecipientState::deferred;
    record.next_attempt = now_.wall + delay.count();
    wait_until(now_.steady + delay, id, index);
    changes.push_back(record);
    tell(id, entry, index);
}

void Queue::fail(const QueueId& id, Entry& entry, std::uint32_t index, RecipientRecords& changes) {
    entry.recipients[index].record.state = RecipientState::failed;
    changes.push_back(entry.recipients[index].record);
    tell(id, entry, index);
}

// What waits for a destination that is down is not tried itself: the probe that failed after its time ran out was its last
// attempt, too (rule 12).
void Queue::give_up_unreached(const QueueId& id, Entry& entry) {
    RecipientRecords changes;
    const auto since = std::max(entry.message.arrived, entry.message.envelope.extensions.hold_until);
    for (std::uint32_t i = 0; i < entry.recipients.size(); ++i) {
        RecipientRecord& record = entry.recipients[i].record;
        if (record.state != RecipientState::queued || record.outcome != Outcome::waiting || lane_of(entry, i).kind != ipc::AgentKind::smtp_out) continue;
        const auto destination = agents_.destinations().view(lane_of(entry, i).destination);
        const auto max_age = routes_.retry(entry.recipient(i).address).max_age;
        if (!destination || destination->state == Destinations::State::up || !expiry_.is_past(since, max_age, now_)) continue;
        if (destination->last_failure - since > max_age.count()) defer(id, entry, i, "4.4.1", destination->reason, changes);
    }
    if (changes.empty()) return;
    spool_->change(id, std::move(changes));
    consider_report(id, entry);
}

void Queue::job_unanswered(JobId id) { fetch_failed(id, Error(Errc::timeout, "the delivery agent did not answer")); }

void Queue::give_back(const Job& job) {
    if (job.lane.kind == ipc::AgentKind::smtp_out)
        agents_.destinations().finished(job.lane.destination, ipc::Reach::unsaid, {}, now_.steady, now_.wall);
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
    if (kind != ipc::AgentKind::smtp_out) return;
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
        if (job.lane.kind == ipc::AgentKind::bounce) {
            report_agent_died(job, guilty);
            continue;
        }
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
        if (recipient.record.outcome == Outcome::waiting && !recipient.ending && !out && !is_decided(state))
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

} // namespace postern::qmgr
