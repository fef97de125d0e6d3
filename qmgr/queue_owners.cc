// The owners of mailboxes, and the checkpoints after which a delivery is recorded done (DESIGN section 5, rule 8).
#include "qmgr/queue.h"

#include <algorithm>

namespace postern::qmgr {

using ipc::RecipientState;

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

// Deferred because the mailbox refused it: it is not there. For any other reason it may be, but not durably. What waits
// for the time its sender chose was with nobody yet.
bool Queue::may_be_replayed(const QueueId& id, std::uint32_t index) const {
    const auto at = entries_.find(id);
    if (at == entries_.end()) return false;
    const RecipientRecord& record = at->second.recipients[index].record;
    if (record.outcome != Outcome::waiting || record.state == RecipientState::scheduled) return false;
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
            end_stored(id, std::move(recipients), finished);
        } else if (const auto at = entries_.find(id); at != entries_.end()) {
            RecipientRecords changes;
            for (const std::uint32_t index : recipients)
                defer(id, at->second, index, "4.3.0", "the mailbox could not be made durable", changes);
            spool_->change(id, std::move(changes));
        }
    }
    finish(Outcome::delivered, std::move(finished));
}

} // namespace postern::qmgr
