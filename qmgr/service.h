// Channels and time in, queue and spool steps out: the only file of qmgr that knows the event loop.
#pragma once

#include "ipc/daemon.h"
#include "ipc/mailbox.h"
#include "qmgr/queue.h"

#include <set>

namespace postern::qmgr {

class Service {
  public:
    explicit Service(ipc::Daemon& daemon);

  private:
    template <class M> using In = ipc::Incoming<M>;

    void open_spool();
    void serve_intake();
    void serve_agents();
    void serve_views();
    void serve_operator();
    void serve_orders();
    static Queue::Kept kept(const ipc::Actor& actor, std::string_view what, std::function<void(ipc::AdminResult)> reply);
    void edit_recipient(const ipc::EditRecipient& ask, const std::function<void(ipc::AdminResult)>& reply);
    void when_recovered(std::function<void()> task);

    void submit(const std::shared_ptr<In<ipc::Submit>>& in);
    void authorize(const std::shared_ptr<In<ipc::Submit>>& in);
    void take_body(const std::shared_ptr<In<ipc::Submit>>& in);
    void accept(const std::shared_ptr<In<ipc::Submit>>& in, std::optional<LargeBody> large);
    void refuse(const In<ipc::Submit>& in, ipc::SubmitStatus status, std::string reason);
    void open_large(In<ipc::OpenLarge> in);
    void abandon_large(std::uint64_t token, const ipc::Peer& by);

    void agent_ready(In<ipc::AgentReady> in);
    void deliver(AgentId agent, JobId job, ipc::Deliver message, Fd large);
    void compose(AgentId agent, JobId job, ipc::ComposeReport message, Fd large);
    void resolve(const ipc::Address& address, const TraceId& trace, std::function<void(Queue::Ports::Resolved)> done);
    void owner_ready(In<ipc::OwnerReady> in);
    void checkpoint(std::uint32_t owner);
    void tell_replay_ended();
    void peer_closed(const ipc::Peer& peer);

    void turn_end();
    void tick();
    void drain();

    struct Owner {
        std::shared_ptr<ipc::Channel> channel;
        ipc::Peer peer;
        std::uint64_t checkpoints = 0;
        bool replay_ended = false;                       // it was told
    };

    ipc::Daemon& daemon_;
    ipc::Link& authd_;
    Queue queue_;
    std::unique_ptr<Spool> spool_;
    std::map<AgentId, std::shared_ptr<ipc::Channel>> agents_;
    AgentId next_agent_ = 1;
    std::map<std::uint32_t, Owner> owners_;
    std::map<std::uint64_t, ipc::Peer> large_;           // opened and not submitted yet: token -> who writes it
    std::size_t submissions_ = 0;                        // not answered yet
    Timer tick_, drain_check_;
    unsigned ticks_ = 0;
    std::vector<std::function<void()>> until_recovered_; // asked for before replay had ended
    bool draining_ = false;
};

} // namespace postern::qmgr
