#include "qmgr/queue.h"

#include <algorithm>

namespace postern::qmgr {
namespace {

using ipc::RecipientState;

constexpr std::chrono::hours longest_wait{4};

// As it was when the message was accepted.
bool is_new(const RecipientRecord& record) {
    RecipientRecord fresh;
    fresh.index = record.index;
    return record == fresh;
}

} // namespace

RecipientRecord on_disk(RecipientRecord record) {
    const bool volatile_state = record.state == RecipientState::active || record.state == RecipientState::stored ||
                                record.state == RecipientState::no_route || record.state == RecipientState::scheduled;
    if (volatile_state) record.state = RecipientState::queued;
    return record;
}

// What waits is put again: its next hop may be another now. Where it was put before, nothing of it is found.
void Queue::configure(Options options) {
    options.owners = options_.owners;
    options_ = std::move(options);
    routes_ = Routes(options_.routes);
    agents_.destinations().configure(options_.destinations);
    for (auto& [id, entry] : entries_)
        for (std::uint32_t i = 0; i < entry.recipients.size(); ++i)
            if (entry.recipients[i].record.state == RecipientState::queued && entry.recipients[i].record.outcome == Outcome::waiting)
                make_ready(id, entry, i);
}

void Queue::attach(Spool& spool) {
    spool_ = &spool;
    orders_.set(spool.orders());
    for (const auto& destination : orders_.get().frozen) agents_.destinations().freeze(destination.value, true);
}

Spool::Hooks Queue::hooks() {
    Spool::Hooks hooks;
    hooks.snapshot = [this](const QueueId& id) { return snapshot(id); };
    hooks.recovered = [this](std::vector<RecoveredMessage> messages) { install(std::move(messages)); };
    hooks.damaged = [this](const QueueId& id, const std::string& why) { damaged(id, why); };
    return hooks;
}

Lane Queue::lane_of(const Entry& entry, std::uint32_t index) const {
    const ipc::EnvelopeRecipient& recipient = entry.recipient(index);
    if (recipient.account != 0) return {ipc::AgentKind::local, static_cast<std::uint32_t>(recipient.account % options_.owners), {}};
    const std::string_view chosen = entry.recipients[index].record.note.next_hop;
    return {ipc::AgentKind::smtp_out, 0, chosen.empty() ? routes_.next_hop(recipient.address, entry.reverse_path(index)) : std::string(chosen)};
}

// Somebody waits for it to arrive: one of ours wrote it, to a few. All else, reports and lists among it, can take its turn.
Priority Queue::priority_of(const Entry& entry) const {
    const ipc::Envelope& envelope = entry.message.envelope;
    return envelope.sender != 0 && envelope.recipients.size() <= options_.bulk_recipients ? Priority::person : Priority::bulk;
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
    for (std::uint32_t i = 0; i < e.recipients.size(); ++i) e.recipients[i].record.index = i;
    if (hold_by_rule(id, e)) return e;
    for (std::uint32_t i = 0; i < e.recipients.size(); ++i) {
        RecipientRecord& record = e.recipients[i].record;
        if (record.state == RecipientState::queued) release_if_due(id, e, i);
        else if (record.state == RecipientState::deferred) wait_for_wall(record.next_attempt, id, i);
    }
    consider_report(id, e);
    return e;
}

// Only what nothing has happened to yet: a message that was accepted and not held before a crash, too.
bool Queue::hold_by_rule(const QueueId& id, Entry& entry) {
    if (entry.ending || !std::all_of(entry.recipients.begin(), entry.recipients.end(), [](const Recipient& r) { return is_new(r.record); })) return false;
    const ipc::HoldRule* rule = orders_.rule_for(entry.message);
    if (!rule) return false;
    for (Recipient& r : entry.recipients) r.record.error = "held by rule " + std::to_string(rule->number) + (rule->reason.empty() ? "" : ": " + rule->reason.value);
    hold(id);
    return true;
}

// The steady clock decides; one that was set back while we were away delays nothing beyond a full step.
void Queue::wait_for_wall(std::int64_t time, const QueueId& id, std::uint32_t index) {
    const auto wait = std::clamp<std::int64_t>(time - now_.wall, 0, std::chrono::seconds(longest_wait).count());
    wait_until(now_.steady + std::chrono::seconds(wait), id, index);
}

// RFC 4865 section 4: never before its time, by the wall's clock, however it is set in between.
void Queue::release_if_due(const QueueId& id, Entry& entry, std::uint32_t index) {
    const std::int64_t time = entry.message.envelope.extensions.hold_until;
    if (time <= now_.wall) return make_ready(id, entry, index);
    entry.recipients[index].record.state = RecipientState::scheduled;
    wait_for_wall(time, id, index);
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

// ---- time and views ----------------------------------------------------------------------------------------------

void Queue::tick(const Now& now) {
    now_ = now;
    expiry_.tick(now);
    while (!due_.empty() && due_.begin()->first <= now.steady) {
        const auto [id, index] = due_.begin()->second;
        due_.erase(due_.begin());
        const auto at = entries_.find(id);
        if (at == entries_.end()) continue;
        if (index == whole_message) {
            consider_report(id, at->second);
            continue;
        }
        const RecipientState state = at->second.recipients[index].record.state;
        if (state == RecipientState::deferred) make_ready(id, at->second, index);
        else if (state == RecipientState::scheduled) release_if_due(id, at->second, index);
    }
    agents_.destinations().tick(now.steady);
    sweep();
}

RecipientRecords Queue::snapshot(const QueueId& id) const {
    RecipientRecords records;
    const auto found = entries_.find(id);
    if (found == entries_.end()) return records;
    for (const Recipient& recipient : found->second.recipients)
        if (const auto record = on_disk(recipient.record); !is_new(record)) records.push_back(record);
    return records;
}

// The first recipient that waits and passes the filter.
std::optional<std::uint32_t> Queue::first_match(const Entry& entry, const Filter& filter) const {
    if (!filter.takes_message(entry.message)) return std::nullopt;
    for (std::uint32_t i = 0; i < entry.recipients.size(); ++i)
        if (entry.recipients[i].record.outcome == Outcome::waiting && filter.takes_recipient(entry.recipient(i), entry.recipients[i].record))
            return i;
    return std::nullopt;
}

ipc::QueueRow Queue::row(const QueueId& id, const Entry& entry, std::uint32_t shown) const {
    ipc::QueueRow row;
    row.id = id;
    row.trace = entry.message.envelope.trace;
    row.reverse_path = entry.message.envelope.reverse_path;
    row.size = entry.size;
    row.arrived = entry.message.arrived;
    row.recipients = static_cast<std::uint32_t>(std::count_if(entry.recipients.begin(), entry.recipients.end(), [](const Recipient& r) {
        return r.record.outcome == Outcome::waiting;
    }));
    row.first_recipient = entry.message.envelope.recipients.items[shown].forward_path;
    row.state = entry.recipients[shown].record.state;
    row.last_error = last_error(entry, shown);
    return row;
}

// Its own, or why its destination gets nothing now.
std::string Queue::last_error(const Entry& entry, std::uint32_t index) const {
    const RecipientRecord& record = entry.recipients[index].record;
    if (!record.error.value.empty() || record.state != RecipientState::queued) return record.error.value;
    const Lane lane = lane_of(entry, index);
    if (lane.kind != ipc::AgentKind::smtp_out) return {};
    const auto destination = agents_.destinations().view(lane.destination);
    if (!destination) return {};
    if (destination->frozen) return lane.destination + " is frozen";
    if (destination->state == Destinations::State::up) return {};
    return (lane.destination + " is down: " + destination->reason).substr(0, decltype(record.error)::limit);
}

ipc::QueueListing Queue::list(const ipc::QueueList& ask) const {
    ipc::QueueListing listing;
    listing.total = entries_.size();
    const Filter filter(ask);
    const std::size_t limit = std::min<std::size_t>(ask.limit, decltype(listing.rows)::limit);
    for (auto at = entries_.upper_bound(ask.after); at != entries_.end(); ++at) {
        const auto index = first_match(at->second, filter);
        if (!index) continue;
        if (listing.rows.size() == limit) {
            listing.next = listing.rows.items.back().id;
            break;
        }
        listing.rows.push_back(row(at->first, at->second, *index));
    }
    return listing;
}

ipc::QueueEntry Queue::show(const QueueId& id) const {
    ipc::QueueEntry shown;
    const auto found = entries_.find(id);
    if (found == entries_.end()) return shown;
    const Entry& entry = found->second;
    shown.found = true;
    shown.row = row(id, entry, first_match(entry, Filter({})).value_or(0));
    shown.client = entry.message.envelope.client;
    shown.sender = entry.message.envelope.sender;
    shown.body = entry.message.envelope.body;
    shown.extensions = entry.message.envelope.extensions;
    shown.forwarded = entry.message.envelope.forwarded;
    for (std::uint32_t i = 0; i < entry.recipients.size(); ++i) {
        const ipc::EnvelopeRecipient& recipient = entry.recipient(i);
        const RecipientRecord& record = entry.recipients[i].record;
        const bool scheduled = record.state == RecipientState::scheduled;
        shown.recipients.push_back({recipient.forward_path, recipient.address, record.state, record.attempts,
                                    scheduled ? shown.extensions.hold_until : record.next_attempt, last_error(entry, i)});
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
    ports_.ended_or_deferred({id, entry.message, entry.recipient(index), entry.recipients[index].record});
}

} // namespace postern::qmgr
