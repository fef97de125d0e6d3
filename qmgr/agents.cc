#include "qmgr/agents.h"

#include <algorithm>

namespace postern::qmgr {

void Agents::up(AgentId agent, ipc::AgentKind kind, std::uint32_t slots) {
    agents_[agent] = {kind, std::max(slots, 1U), {}, false};
}

void Agents::retire(AgentId agent) {
    if (const auto found = agents_.find(agent); found != agents_.end()) found->second.slots = 0;
}

std::vector<JobId> Agents::down(AgentId agent) {
    const auto found = agents_.find(agent);
    if (found == agents_.end()) return {};
    std::vector<JobId> jobs(found->second.jobs.begin(), found->second.jobs.end());
    agents_.erase(found);
    return jobs;
}

bool Agents::any(ipc::AgentKind kind) const {
    return std::any_of(agents_.begin(), agents_.end(), [kind](const auto& agent) { return agent.second.kind == kind; });
}

bool Agents::holds_one(AgentId agent) const {
    const auto found = agents_.find(agent);
    return found != agents_.end() && found->second.jobs.size() == 1;
}

void Agents::put(const Lane& lane, const QueueId& id) {
    auto& waiting = lanes_[lane];
    if (waiting.empty() || waiting.back() != id) waiting.push_back(id);
}

void Agents::put_suspect(ipc::AgentKind kind, const QueueId& id) { suspects_[kind].push_back(id); }

// The first agent of a kind is where suspects are tried; it takes nothing new until they are through.
bool Agents::is_quarantine(AgentId agent, ipc::AgentKind kind) const {
    const auto first = std::find_if(agents_.begin(), agents_.end(),
                                    [kind](const auto& a) { return a.second.kind == kind && a.second.slots > 0; });
    return first != agents_.end() && first->first == agent;
}

bool Agents::waits_for_suspects(AgentId id, const Agent& agent) const {
    const auto suspects = suspects_.find(agent.kind);
    return suspects != suspects_.end() && !suspects->second.empty() && is_quarantine(id, agent.kind);
}

std::optional<Agents::Choice> Agents::next_for(AgentId id, const Agent& agent, const std::set<std::uint32_t>& owners) {
    if (!has_room(agent)) return std::nullopt;
    if (waits_for_suspects(id, agent)) {
        if (!agent.jobs.empty()) return std::nullopt;
        auto& suspects = suspects_[agent.kind];
        Choice choice{id, suspects.front(), std::nullopt, agent.kind};
        suspects.pop_front();
        return choice;
    }
    if (agent.kind != ipc::AgentKind::smtp_out) return next_lane(id, agent, owners);
    auto chosen = destinations_.next(slots_of(agent.kind));
    if (!chosen) return std::nullopt;
    const AgentId best = with_connection(chosen->name, id);
    return Choice{best, chosen->id, Lane{agent.kind, 0, std::move(chosen->name)}, agent.kind};
}

// Who goes next, and to where, is settled by turns; over whose connection it goes is all that is chosen here.
AgentId Agents::with_connection(const std::string& destination, AgentId otherwise) const {
    const auto left = connections_.find(destination);
    if (left == connections_.end()) return otherwise;
    const auto usable = std::find_if(left->second.rbegin(), left->second.rend(), [this](AgentId id) {
        const auto agent = agents_.find(id);
        return agent != agents_.end() && has_room(agent->second) && !waits_for_suspects(id, agent->second);
    });
    return usable == left->second.rend() ? otherwise : *usable;
}

void Agents::left_connection(AgentId agent, const std::string& destination) {
    if (connection_count_ == max_connections) {
        connections_.clear();
        connection_count_ = 0;
    }
    connections_[destination].push_back(agent);
    ++connection_count_;
}

void Agents::use_connection(AgentId agent, const std::string& destination) {
    const auto left = connections_.find(destination);
    if (left == connections_.end()) return;
    const auto used = std::find(left->second.rbegin(), left->second.rend(), agent);
    if (used == left->second.rend()) return;
    left->second.erase(std::next(used).base());
    --connection_count_;
    if (left->second.empty()) connections_.erase(left);
}

std::uint32_t Agents::slots_of(ipc::AgentKind kind) const {
    std::uint32_t slots = 0;
    for (const auto& [id, agent] : agents_)
        if (agent.kind == kind) slots += agent.slots;
    return slots;
}

// Lanes take turns, beginning behind the last one served.
std::optional<Agents::Choice> Agents::next_lane(AgentId id, const Agent& agent, const std::set<std::uint32_t>& owners) {
    auto lane = lanes_.upper_bound(last_lane_);
    for (std::size_t looked = 0; looked < lanes_.size(); ++looked, ++lane) {
        if (lane == lanes_.end()) lane = lanes_.begin();
        const bool served = lane->first.kind == agent.kind && !lane->second.empty() &&
                            (lane->first.kind != ipc::AgentKind::local || owners.contains(lane->first.owner));
        if (!served) continue;
        last_lane_ = lane->first;
        Choice choice{id, lane->second.front(), lane->first, agent.kind};
        lane->second.pop_front();
        return choice;
    }
    return std::nullopt;
}

std::optional<Agents::Choice> Agents::next(const std::set<std::uint32_t>& owners) {
    auto agent = agents_.upper_bound(last_agent_);
    for (std::size_t looked = 0; looked < agents_.size(); ++looked, ++agent) {
        if (agent == agents_.end()) agent = agents_.begin();
        if (auto choice = next_for(agent->first, agent->second, owners)) {
            last_agent_ = agent->first;
            return choice;
        }
    }
    return std::nullopt;
}

void Agents::start(const Choice& choice, JobId job, const Lane& lane) {
    Agent& agent = agents_.at(choice.agent);
    agent.jobs.insert(job);
    agent.alone = !choice.lane;
    if (lane.kind != ipc::AgentKind::smtp_out) return;
    destinations_.started(lane.destination);
    use_connection(choice.agent, lane.destination);
}

void Agents::finished(AgentId agent, JobId job) {
    const auto found = agents_.find(agent);
    if (found == agents_.end()) return;
    found->second.jobs.erase(job);
    found->second.alone = false;
}

} // namespace postern::qmgr
