// Reports to senders (RFC 3461, RFC 3464): when one is due, about whom, and what it ends. The bounce agent writes them; one
// journal record accepts a report and says what became of the recipients it speaks of (DESIGN section 5, rule 6), so that
// neither happens alone and none is sent twice.
//
//   failed      said when nothing of the message is with an agent any more, so that one report speaks of all
//   delivered   the same, to those who asked (NOTIFY=SUCCESS)
//   delayed     once, when the message is old enough, to those who did not decline
//
// Who sent with the null reverse-path is never told: a report about that goes to postmaster, and one about a report to
// postmaster to nobody.
#include "qmgr/queue.h"

#include "libmail/date.h"

#include <algorithm>

namespace postern::qmgr {
namespace {

using ipc::RecipientState;
using ipc::ReportAction;

constexpr std::chrono::seconds gathering{10};              // for others of the message that are about to end
constexpr std::int64_t swept_after = 60;                   // seconds: a younger message asks for itself
constexpr std::chrono::minutes until_next_try{1};          // where a report could not be written or accepted
constexpr std::uint8_t report_deaths_until_left = 3;       // rule 11: then it waits for an operator, or the next start
constexpr std::size_t swept_per_tick = 20000;

ipc::ReportRecipient reported(const ipc::Envelope& envelope, const RecipientRecord& record, ReportAction action, std::int64_t retry_until) {
    const ipc::EnvelopeRecipient& recipient = envelope.recipients.items[record.index];
    ipc::ReportRecipient told;
    told.forward_path = recipient.forward_path;
    told.address = record.note.instead ? record.note.instead->address : recipient.address;
    for (const ipc::RecipientDsn& dsn : envelope.extensions.recipients)
        if (dsn.index == record.index) told.original = dsn.original;
    told.action = action == ReportAction::delivered && recipient.account == 0 ? ReportAction::relayed : action;
    told.status = record.code;
    told.diagnostic = record.error;
    told.remote_mta = record.note.remote;
    told.retry_until = retry_until;
    return told;
}

bool is_for_postmaster(const Accepted& message) {
    const auto& recipients = message.envelope.recipients.items;
    return message.parent && !recipients.empty() && recipients.front().forward_path == "postmaster";
}

} // namespace

std::uint8_t Queue::notify_of(const Entry& entry, std::uint32_t index) const {
    for (const ipc::RecipientDsn& dsn : entry.message.envelope.extensions.recipients)
        if (dsn.index == index) return dsn.notify;
    return ipc::notify::unsaid;
}

bool Queue::tells_success(const Entry& entry, std::uint32_t index) const {
    return !entry.message.envelope.reverse_path.value.empty() && (notify_of(entry, index) & ipc::notify::success) != 0;
}

bool Queue::tells_failure(const Entry& entry, std::uint32_t index) const {
    const std::uint8_t notify = notify_of(entry, index);
    return (notify == ipc::notify::unsaid || (notify & ipc::notify::failure) != 0) && !is_for_postmaster(entry.message);
}

bool Queue::tells_delay(const Entry& entry, std::uint32_t index) const {
    const RecipientRecord& record = entry.recipients[index].record;
    const std::uint8_t notify = notify_of(entry, index);
    const bool waits = record.state == RecipientState::deferred || record.state == RecipientState::queued;
    const auto since = std::max(entry.message.arrived, entry.message.envelope.extensions.hold_until);
    return waits && record.outcome == Outcome::waiting && !record.note.delay_told && options_.delay_warning.count() > 0 &&
           now_.wall - since >= options_.delay_warning.count() && !entry.message.envelope.reverse_path.value.empty() &&
           (notify == ipc::notify::unsaid || (notify & ipc::notify::delay) != 0);
}

std::optional<Queue::ReportDue> Queue::report_due(const Entry& entry) const {
    ReportDue failed{ReportAction::failed, {}}, delivered{ReportAction::delivered, {}}, delayed{ReportAction::delayed, {}};
    for (std::uint32_t i = 0; i < entry.recipients.size(); ++i) {
        const Recipient& recipient = entry.recipients[i];
        if (recipient.ending || recipient.record.outcome != Outcome::waiting) continue;
        if (recipient.record.state == RecipientState::failed) failed.recipients.push_back(i);
        else if (recipient.record.state == RecipientState::delivered) delivered.recipients.push_back(i);
        else if (tells_delay(entry, i)) delayed.recipients.push_back(i);
    }
    for (const ReportDue* due : {&failed, &delivered, &delayed})
        if (!due->recipients.empty()) return *due;
    return std::nullopt;
}

// Asked whenever something of the message ended, and again until nothing is due.
void Queue::consider_report(const QueueId& id, Entry& entry) {
    if (entry.ending || entry.reporting || entry.report_deaths >= report_deaths_until_left || !report_due(entry)) return;
    std::vector<std::uint32_t> untold;
    for (std::uint32_t i = 0; i < entry.recipients.size(); ++i) {
        const Recipient& r = entry.recipients[i];
        if (r.record.state == RecipientState::active) {
            if (now_.wall - entry.message.arrived < swept_after) wait_until(now_.steady + gathering, id, whole_message);
            return;
        }
        if (r.record.state == RecipientState::failed && r.record.outcome == Outcome::waiting && !r.ending && !tells_failure(entry, i))
            untold.push_back(i);
    }
    if (!untold.empty()) {
        std::vector<FinishedMessage> finished;
        end_recipients(id, untold, Outcome::discarded, finished);
        finish(Outcome::discarded, std::move(finished));
        if (entry.ending || !report_due(entry)) return;
    }
    entry.reporting = true;
    agents_.put({ipc::AgentKind::bounce, 0, {}}, id);
}

void Queue::start_report(const Agents::Choice& choice) {
    const auto found = entries_.find(choice.message);
    if (found == entries_.end() || found->second.ending) return;
    auto due = report_due(found->second);
    if (!due) {
        found->second.reporting = false;
        return;
    }
    const JobId id = next_job_++;
    Job job{choice.message, choice.agent, {ipc::AgentKind::bounce, 0, {}}, 0, std::move(due->recipients), false, due->action};
    agents_.start(choice, id, job.lane);
    jobs_.emplace(id, std::move(job));
    spool_->read(choice.message, [this, id](Result<Accepted> message) {
        if (!message) return report_done(id, message.error());
        if (!message->large) return send_report_job(id, std::move(*message), Fd());
        const LargeBody large = *message->large;
        spool_->open_large(large, [this, id, m = std::make_shared<Accepted>(std::move(*message))](Result<Fd> body) {
            if (body) send_report_job(id, std::move(*m), std::move(*body));
            else report_done(id, body.error());
        });
    });
}

void Queue::send_report_job(JobId id, Accepted message, Fd large) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return;                      // the agent is gone; it is started again
    const Job& job = found->second;
    const auto at = entries_.find(job.id);
    if (at == entries_.end()) return report_done(id, Error(Errc::not_found, "the message has ended"));
    ipc::Envelope& envelope = message.envelope;
    ipc::ComposeReport report;
    report.id = job.id;
    report.trace = envelope.trace;
    report.arrived = message.arrived;
    report.envelope_id = envelope.extensions.envelope_id;
    report.ret = envelope.extensions.ret;
    report.smtputf8 = envelope.extensions.smtputf8;
    report.body_kind = envelope.body;
    report.large = message.large.has_value();
    for (const std::uint32_t index : job.recipients) {
        const auto max_age = routes_.retry(at->second.recipient(index).address).max_age;
        const auto since = std::max(message.arrived, envelope.extensions.hold_until);
        report.recipients.push_back(reported(envelope, at->second.recipients[index].record, job.report,
                                             job.report == ReportAction::delayed ? since + max_age.count() : 0));
        // Of one that nobody has tried yet, as its destination is down: the time of the report itself.
        const std::int64_t tried = at->second.recipients[index].record.note.last_attempt;
        report.recipients.items.back().last_attempt = tried != 0 ? tried : now_.wall;
    }
    report.trace_header = envelope.trace_head.value + job.id.text() + envelope.trace_tail.value;
    const bool to_sender = !envelope.reverse_path.value.empty() && !at->second.to_postmaster;
    report.to = to_sender ? envelope.reverse_path.value : std::string("postmaster");
    report.reverse_path = std::move(envelope.reverse_path);
    report.body = std::move(message.body);
    ports_.compose(job.agent, id, std::move(report), std::move(large));
}

void Queue::report_done(JobId id, Result<ipc::ComposedReport> report) {
    const auto found = jobs_.find(id);
    if (found == jobs_.end()) return;
    const Job job = std::move(found->second);
    jobs_.erase(found);
    agents_.finished(job.agent, id);
    const auto at = entries_.find(job.id);
    if (at == entries_.end()) return;
    if (!report) return report_failed(job, report.error().message());
    if (!report->composed) return report_failed(job, report->reason);
    const ipc::Envelope& envelope = at->second.message.envelope;
    const bool to_sender = !envelope.reverse_path.value.empty() && !at->second.to_postmaster;
    ports_.resolve(to_sender ? envelope.reverse_path : ipc::Address("postmaster"), envelope.trace,
                   [this, job, to_sender, text = std::make_shared<ipc::ComposedReport>(std::move(*report))](Ports::Resolved to) {
                       const auto entry = entries_.find(job.id);
                       if (entry == entries_.end()) return;
                       if (!to) return report_failed(job, "accounts cannot be asked now");
                       if (!to->empty()) return accept_report(job, std::move(*text), std::move(*to));
                       if (!to_sender) return report_failed(job, "postmaster is nobody's address");
                       entry->second.to_postmaster = true;        // the sender is one of ours that there is no more
                       entry->second.reporting = false;
                       consider_report(job.id, entry->second);
                   });
}

// Rule 6: the record of the report carries the end of what it speaks of.
void Queue::accept_report(const Job& job, ipc::ComposedReport report, std::vector<ipc::EnvelopeRecipient> to) {
    Entry& entry = entries_.at(job.id);
    const bool ends = job.report != ReportAction::delayed;
    Accepted child;
    child.arrived = now_.wall;
    child.parent = Parent{job.id, {}, {}};
    std::vector<std::uint32_t> told;
    for (const std::uint32_t index : job.recipients) {
        Recipient& recipient = entry.recipients[index];
        if (recipient.ending || recipient.record.outcome != Outcome::waiting) continue;      // an operator was quicker
        recipient.ending = ends;
        recipient.record.note.delay_told = recipient.record.note.delay_told || !ends;
        RecipientRecord record = on_disk(recipient.record);
        if (ends) {
            record.state = RecipientState::done;
            record.outcome = job.report == ReportAction::failed ? Outcome::bounced : Outcome::delivered;
        }
        child.parent->recipients.push_back(std::move(record));
        told.push_back(index);
    }
    if (told.empty()) {
        entry.reporting = false;
        return;
    }
    child.envelope.trace = entry.message.envelope.trace;
    child.envelope.extensions.smtputf8 = report.smtputf8;
    child.envelope.body = report.body_kind;
    child.envelope.trace_head = "Received: by " + options_.hostname + " (Postern) id ";
    child.envelope.trace_tail = ";\r\n\t" + mail::format_date({now_.wall, 0}) + "\r\n";
    for (ipc::EnvelopeRecipient& recipient : to) child.envelope.recipients.push_back(std::move(recipient));
    child.body = std::move(report.message);
    accept(std::move(child), [this, job, told](Result<QueueId> id, const ipc::Envelope& envelope) {
        if (id) {
            ports_.reported(job.id, *id, envelope, to_string(job.report));
            return report_accepted(job, told);
        }
        if (const auto at = entries_.find(job.id); at != entries_.end()) {
            for (const std::uint32_t index : told) {
                at->second.recipients[index].ending = false;
                if (job.report == ReportAction::delayed) at->second.recipients[index].record.note.delay_told = false;
            }
        }
        report_failed(job, id.error().message());
    });
}

void Queue::report_accepted(const Job& job, const std::vector<std::uint32_t>& told) {
    const auto at = entries_.find(job.id);
    if (at == entries_.end()) return;
    Entry& entry = at->second;
    entry.reporting = false;
    if (job.report == ReportAction::delayed) return consider_report(job.id, entry);
    for (const std::uint32_t index : told) {
        Recipient& recipient = entry.recipients[index];
        recipient.ending = false;
        recipient.record.state = RecipientState::done;
        recipient.record.outcome = job.report == ReportAction::failed ? Outcome::bounced : Outcome::delivered;
        tell(job.id, entry, index);
    }
    const bool over = std::all_of(entry.recipients.begin(), entry.recipients.end(),
                                  [](const Recipient& r) { return r.record.outcome != Outcome::waiting; });
    if (!over) return consider_report(job.id, entry);
    entry.ending = true;
    finish(Outcome::bounced, {{job.id, 0}});
}

void Queue::report_failed(const Job& job, std::string_view why) {
    ports_.report_failed(job.id, why);
    const auto at = entries_.find(job.id);
    if (at == entries_.end()) return;
    at->second.reporting = false;
    wait_until(now_.steady + until_next_try, job.id, whole_message);
}

void Queue::report_agent_died(const Job& job, bool guilty) {
    const auto at = entries_.find(job.id);
    if (at == entries_.end()) return;
    at->second.reporting = false;
    if (guilty && ++at->second.report_deaths >= report_deaths_until_left) ports_.report_failed(job.id, "agents died writing it: no more tries");
    consider_report(job.id, at->second);
}

// What a checkpoint made durable: ended, or said to the sender first.
void Queue::end_stored(const QueueId& id, std::vector<std::uint32_t> recipients, std::vector<FinishedMessage>& finished) {
    const auto at = entries_.find(id);
    if (at == entries_.end()) return;
    RecipientRecords to_tell;
    std::erase_if(recipients, [&](std::uint32_t index) {
        if (!tells_success(at->second, index)) return false;
        at->second.recipients[index].record.state = RecipientState::delivered;
        to_tell.push_back(at->second.recipients[index].record);
        return true;
    });
    if (!recipients.empty()) end_recipients(id, recipients, Outcome::delivered, finished);
    if (to_tell.empty()) return;
    spool_->change(id, std::move(to_tell));
    consider_report(id, at->second);
}

// What only the passing of time brings about, some messages each second: word that it takes longer, and the end of what waits
// for a destination that is down.
void Queue::sweep() {
    auto at = entries_.upper_bound(swept_);
    for (std::size_t looked = 0; looked < swept_per_tick && at != entries_.end(); ++looked) {
        const QueueId id = at->first;
        swept_ = id;
        ++at;
        Entry& entry = entries_.at(id);
        if (entry.ending || now_.wall - entry.message.arrived < swept_after) continue;
        give_up_unreached(id, entry);
        consider_report(id, entry);
    }
    if (at == entries_.end()) swept_ = {};
}

} // namespace postern::qmgr
