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

std::optional<Agents::Choice> Agents::next_for(AgentId id, const Agent& agent, const std::set<std::uint32_t>& owners) {
    if (agent.alone || agent.jobs.size() >= agent.slots) return std::nullopt;
    if (auto& suspects = suspects_[agent.kind]; !suspects.empty() && is_quarantine(id, agent.kind)) {
        if (!agent.jobs.empty()) return std::nullopt;
        Choice choice{id, suspects.front(), std::nullopt, agent.kind};
        suspects.pop_front();
        return choice;
    }
    if (agent.kind != ipc::AgentKind::smtp_out) return next_lane(id, agent, owners);
    auto chosen = destinations_.next(slots_of(agent.kind));
    if (!chosen) return std::nullopt;
    return Choice{id, chosen->id, Lane{agent.kind, 0, std::move(chosen->name)}, agent.kind};
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
    if (lane.kind == ipc::AgentKind::smtp_out) destinations_.started(lane.destination);
}

void Agents::finished(AgentId agent, JobId job) {
    const auto found = agents_.find(agent);
    if (found == agents_.end()) return;
    found->second.jobs.erase(job);
    found->second.alone = false;
}

} // namespace postern::qmgr
