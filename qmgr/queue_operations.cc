// What an operator does to messages that wait. Whoever is with an agent right now is left alone: its result comes first.
#include "qmgr/queue.h"

#include <algorithm>
#include <unordered_map>

namespace postern::qmgr {
namespace {

using ipc::QueueAction;
using ipc::RecipientState;

bool is_any_of(RecipientState state, std::initializer_list<RecipientState> states) {
    return std::find(states.begin(), states.end(), state) != states.end();
}

// To whom an action can be done.
bool applies(QueueAction action, RecipientState state) {
    const bool rests = is_any_of(state, {RecipientState::queued, RecipientState::deferred, RecipientState::no_route, RecipientState::scheduled});
    switch (action) {
    case QueueAction::flush: return is_any_of(state, {RecipientState::queued, RecipientState::deferred, RecipientState::scheduled});
    case QueueAction::release: return state == RecipientState::held;
    case QueueAction::hold: return rests;
    case QueueAction::remove: return rests || state == RecipientState::held || state == RecipientState::failed;
    default: return rests || state == RecipientState::held;
    }
}

} // namespace

std::vector<std::uint32_t> Queue::chosen(const QueueId& id, const Entry& entry, const ipc::QueueAct& ask) const {
    std::vector<std::uint32_t> found;
    const Filter filter(ask);
    if (entry.ending || !filter.takes_message(entry.message)) return found;
    if (!ask.ids.empty() && std::find(ask.ids.begin(), ask.ids.end(), id) == ask.ids.end()) return found;
    for (std::uint32_t i = 0; i < entry.recipients.size(); ++i) {
        const Recipient& r = entry.recipients[i];
        if (r.ending || r.record.outcome != Outcome::waiting || !applies(ask.action, r.record.state)) continue;
        if (filter.takes_recipient(entry.recipient(i), r.record)) found.push_back(i);
    }
    return found;
}

ipc::QueueActed Queue::act(const ipc::QueueAct& ask) {
    ipc::QueueActed acted;
    std::uint32_t looked = 0;
    for (auto at = entries_.upper_bound(ask.after); at != entries_.end();) {
        const QueueId id = at->first;
        Entry& entry = at->second;
        ++at;
        if (const auto recipients = chosen(id, entry, ask); !recipients.empty()) {
            ++acted.messages;
            acted.recipients += act_on(id, entry, ask, recipients).size();
        }
        if (++looked >= ask.limit && at != entries_.end()) {
            acted.next = id;
            break;
        }
    }
    return acted;
}

std::vector<std::uint32_t> Queue::act_on(const QueueId& id, Entry& entry, const ipc::QueueAct& ask,
                                         const std::vector<std::uint32_t>& recipients) {
    std::vector<FinishedMessage> finished;
    switch (ask.action) {
    case QueueAction::flush:
        for (const std::uint32_t index : recipients) flush(id, entry, index);
        break;
    case QueueAction::hold: hold(id); break;
    case QueueAction::release: release(id, recipients); break;
    case QueueAction::remove:
        end_recipients(id, recipients, Outcome::deleted, finished);
        finish(Outcome::deleted, std::move(finished));
        break;
    case QueueAction::bounce:
        for (const std::uint32_t index : recipients) {
            RecipientRecord& record = entry.recipients[index].record;
            record.state = RecipientState::failed;
            record.note.last_attempt = now_.wall;
            record.code = "5.0.0";
            record.error = "returned by the postmaster of this host" + (record.error.value.empty() ? "" : ": " + record.error.value.substr(0, 400));
        }
        save(id, entry, recipients);
        consider_report(id, entry);
        break;
    case QueueAction::reroute:
        for (const std::uint32_t index : recipients) {
            entry.recipients[index].record.note.next_hop = ask.next_hop;
            if (entry.recipients[index].record.state != RecipientState::held) flush(id, entry, index);
        }
        save(id, entry, recipients);
        break;
    case QueueAction::requeue:
        for (const std::uint32_t index : recipients) requeue(id, index);
        break;
    }
    return recipients;
}

void Queue::flush(const QueueId& id, Entry& entry, std::uint32_t index) {
    const Lane lane = lane_of(entry, index);
    make_ready(id, entry, index);
    if (lane.kind == ipc::AgentKind::smtp_out) agents_.destinations().probe_now(lane.destination);
}

void Queue::requeue(const QueueId& id, std::uint32_t index) {
    const ipc::Envelope& envelope = entries_.at(id).message.envelope;
    ports_.resolve(envelope.recipients.items[index].forward_path, envelope.trace,
                   [this, id, index](Ports::Resolved to) { requeued(id, index, std::move(to)); });
}

// It is the same recipient, wherever it goes now: an address that leads to several cannot be one.
void Queue::requeued(const QueueId& id, std::uint32_t index, Ports::Resolved to) {
    const auto at = entries_.find(id);
    if (at == entries_.end()) return;
    RecipientRecord& record = at->second.recipients[index].record;
    if (record.outcome != Outcome::waiting || !applies(QueueAction::requeue, record.state)) return;
    if (!to) record.error = "not requeued: accounts could not be asked";
    else if (to->size() != 1) record.error = to->empty() ? "not requeued: the address leads nowhere now" : "not requeued: the address leads to several now";
    if (!to || to->size() != 1) return;
    record.attempts = 0;
    record.error = "";
    record.note.next_hop = {};
    edit(id, index, std::move(to->front()));
}

void Queue::save(const QueueId& id, const Entry& entry, const std::vector<std::uint32_t>& recipients) {
    RecipientRecords changes;
    for (const std::uint32_t index : recipients) changes.push_back(on_disk(entry.recipients[index].record));
    spool_->change(id, std::move(changes));
}

// First its file leaves hold/: found there after a crash, it would be held again.
void Queue::release(const QueueId& id, const std::vector<std::uint32_t>& recipients) {
    spool_->take_off_hold(id, [this, id, recipients](const Result<void>& done) {
        const auto at = entries_.find(id);
        if (at == entries_.end() || !done) return;
        for (const std::uint32_t index : recipients) {
            RecipientRecord& record = at->second.recipients[index].record;
            if (record.state != RecipientState::held || record.outcome != Outcome::waiting) continue;
            record.deaths = 0;
            record.note.released = true;
            record.error = "";
            make_ready(id, at->second, index);
        }
        save(id, at->second, recipients);
    });
}

std::optional<std::uint32_t> Queue::find_waiting(const QueueId& id, std::string_view recipient) const {
    const auto found = entries_.find(id);
    if (found == entries_.end()) return std::nullopt;
    for (std::uint32_t i = 0; i < found->second.recipients.size(); ++i) {
        const Recipient& r = found->second.recipients[i];
        const bool named = found->second.recipient(i).address.view() == recipient || found->second.recipient(i).forward_path.view() == recipient;
        if (named && !r.ending && r.record.outcome == Outcome::waiting && applies(QueueAction::remove, r.record.state)) return i;
    }
    return std::nullopt;
}

bool Queue::edit(const QueueId& id, std::uint32_t index, ipc::EnvelopeRecipient instead) {
    const auto found = entries_.find(id);
    if (found == entries_.end() || found->second.recipients.size() <= index) return false;
    RecipientRecord& record = found->second.recipients[index].record;
    if (record.outcome != Outcome::waiting || !applies(QueueAction::remove, record.state)) return false;
    instead.forward_path = found->second.message.envelope.recipients.items[index].forward_path;
    record.note.instead = std::move(instead);
    if (record.state != RecipientState::held) flush(id, found->second, index);
    save(id, found->second, {index});
    return true;
}

void Queue::read_content(const QueueId& id, std::uint64_t from, std::function<void(ipc::QueueContent)> done) {
    spool_->read(id, [this, id, from, done = std::move(done)](Result<Accepted> message) {
        ipc::QueueContent content;
        if (!message) return done(std::move(content));
        const ipc::Envelope& envelope = message->envelope;
        const std::string header = envelope.trace_head.value + id.text() + envelope.trace_tail.value;
        content.found = true;
        content.total = header.size() + (message->large ? message->large->size : message->body.value.size());
        if (from < header.size()) content.bytes = header.substr(from);
        const std::uint64_t skip = from < header.size() ? 0 : from - header.size();
        const std::size_t room = decltype(content.bytes)::limit - content.bytes.value.size();
        if (!message->large) {
            if (skip < message->body.value.size()) content.bytes.value += message->body.value.substr(skip, room);
            return done(std::move(content));
        }
        spool_->read_large(*message->large, skip, room, [content = std::move(content), done](Result<std::string> bytes) mutable {
            if (!bytes) return done({});
            content.bytes.value += *bytes;
            done(std::move(content));
        });
    });
}

// ---- destinations and numbers -------------------------------------------------------------------------------------

bool Queue::set_destination(const std::string& name, ipc::DestinationAction action, Kept done) {
    const bool freeze = action == ipc::DestinationAction::freeze;
    if (!freeze && !agents_.destinations().view(name)) return false;
    if (action == ipc::DestinationAction::probe) {
        agents_.destinations().probe_now(name);
        done({});
        return true;
    }
    if (auto ordered = orders_.freeze(name, freeze); !ordered) {
        done(ordered);
        return true;
    }
    agents_.destinations().freeze(name, freeze);
    spool_->keep(orders_.get(), std::move(done));
    return true;
}

// In force at once; what could not be written is so until the next start.
Result<std::uint64_t> Queue::add_hold_rule(ipc::HoldRule rule, Kept done) {
    rule.since = now_.wall;
    auto number = orders_.add(std::move(rule));
    if (number) spool_->keep(orders_.get(), std::move(done));
    return number;
}

bool Queue::remove_hold_rule(std::uint64_t number, Kept done) {
    if (!orders_.remove(number)) return false;
    spool_->keep(orders_.get(), std::move(done));
    return true;
}

ipc::DestinationListing Queue::list_destinations(const ipc::ListDestinations& ask) const {
    constexpr std::string_view names[] = {"up", "down", "probing"};
    ipc::DestinationListing listing;
    const std::size_t limit = std::min<std::size_t>(ask.limit, decltype(listing.rows)::limit);
    for (const Destinations::View& view : agents_.destinations().after(ask.after.value, limit)) {
        const auto pause = std::chrono::duration_cast<std::chrono::seconds>(view.paused_until - now_.steady).count();
        listing.rows.push_back({view.name, view.frozen ? "frozen" : std::string(names[static_cast<std::size_t>(view.state)]), view.waiting,
                                view.active, view.window, view.failures, view.last_failure, pause > 0 ? now_.wall + pause : 0,
                                view.reason.substr(0, 512)});
    }
    return listing;
}

ipc::QueueStatistics Queue::statistics() const {
    ipc::QueueStatistics statistics;
    statistics.messages = entries_.size();
    std::map<std::string, std::uint64_t> states;
    std::unordered_map<std::string, std::uint64_t> errors;
    for (const auto& [id, entry] : entries_) {
        for (std::uint32_t i = 0; i < entry.recipients.size(); ++i) {
            if (entry.recipients[i].record.outcome != Outcome::waiting) continue;
            ++states[std::string(to_string(entry.recipients[i].record.state))];
            if (const std::string error = last_error(entry, i); !error.empty()) ++errors[error];
        }
    }
    for (const auto& [state, count] : states) statistics.states.push_back({state, count});
    std::vector<std::pair<std::uint64_t, std::string>> by_count;
    for (const auto& [error, count] : errors) by_count.emplace_back(count, error);
    std::sort(by_count.rbegin(), by_count.rend());
    by_count.resize(std::min<std::size_t>(by_count.size(), decltype(statistics.errors)::limit));
    for (const auto& [count, error] : by_count) statistics.errors.push_back({error, count});
    return statistics;
}

} // namespace postern::qmgr
