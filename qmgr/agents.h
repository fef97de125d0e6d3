// Who delivers, and who gets what next. Pure bookkeeping of the queue: no message, no socket.
//
// A lane is work that waits for the same thing: a kind of agent and, for local mail, the imapd instance that owns
// the account. A lane whose owner is away waits; the others go on. Outbound mail has a lane per next hop, in destinations.h.
#pragma once

#include "qmgr/destinations.h"

#include <set>

namespace postern::qmgr {

using AgentId = std::uint64_t;         // one life of one agent's channel
using JobId = std::uint64_t;

struct Lane {
    ipc::AgentKind kind = ipc::AgentKind::local;
    std::uint32_t owner = 0;
    std::string destination = {};      // of smtp-out's: the next hop
    auto operator<=>(const Lane&) const = default;
};

class Agents {
  public:
    explicit Agents(Destinations::Options options) : destinations_(options) {}
    Destinations& destinations() { return destinations_; }
    const Destinations& destinations() const { return destinations_; }

    void up(AgentId agent, ipc::AgentKind kind, std::uint32_t slots);
    void retire(AgentId agent);                        // finishes what it has, gets nothing more
    std::vector<JobId> down(AgentId agent);            // what it had in hand
    bool any(ipc::AgentKind kind) const;
    // Was this the only thing the agent had? Asked before down(): who kills an agent alone is guilty.
    bool holds_one(AgentId agent) const;

    void put(const Lane& lane, const QueueId& id);     // again is harmless
    // A message that was in hand when an agent died is given out alone from then on (rule 11).
    void put_suspect(ipc::AgentKind kind, const QueueId& id);

    struct Choice {
        AgentId agent;
        QueueId message;
        std::optional<Lane> lane;                      // nothing: a suspect, any lane of the agent's kind
        ipc::AgentKind kind;
    };
    // What should be given out now; the caller answers with start() or, when nothing was left to do, asks again.
    std::optional<Choice> next(const std::set<std::uint32_t>& owners);
    void start(const Choice& choice, JobId job, const Lane& lane);
    void finished(AgentId agent, JobId job);
    // It has reached the destination, and will have kept a connection that the next message there can go over.
    void left_connection(AgentId agent, const std::string& destination);

  private:
    struct Agent {
        ipc::AgentKind kind;
        std::uint32_t slots;
        std::set<JobId> jobs;
        bool alone = false;                            // runs a suspect: gets nothing else
    };
    bool is_quarantine(AgentId agent, ipc::AgentKind kind) const;
    static bool has_room(const Agent& agent) { return !agent.alone && agent.jobs.size() < agent.slots; }
    bool waits_for_suspects(AgentId id, const Agent& agent) const;
    std::uint32_t slots_of(ipc::AgentKind kind) const;
    AgentId with_connection(const std::string& destination, AgentId otherwise) const;
    void use_connection(AgentId agent, const std::string& destination);
    std::optional<Choice> next_lane(AgentId id, const Agent& agent, const std::set<std::uint32_t>& owners);
    std::optional<Choice> next_for(AgentId id, const Agent& agent, const std::set<std::uint32_t>& owners);

    std::map<AgentId, Agent> agents_;
    std::map<Lane, std::deque<QueueId>> lanes_;
    Destinations destinations_;
    std::map<ipc::AgentKind, std::deque<QueueId>> suspects_;
    // One for each connection that was left and not used since, the newest last. A guess, as agents end theirs by themselves; so
    // nothing but a connection more depends on it, and beyond max_connections all are forgotten.
    static constexpr std::size_t max_connections = 10'000;
    std::map<std::string, std::vector<AgentId>> connections_;
    std::size_t connection_count_ = 0;
    AgentId last_agent_ = 0;                           // turns go round
    Lane last_lane_;
};

} // namespace postern::qmgr
