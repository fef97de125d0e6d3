// What waits, and what happens to it next: the schedule over the spool. Knows no socket and no clock; runs on the
// loop's thread.
//
// A recipient's states, what is on disk in each, the step that leaves it, and what a restart finds:
//
//   state     on disk                           left by                                  after a restart
//   queued    the accepted record               given to an agent                        queued
//   active    the same, or `deferred`           the agent's result, its death            queued
//   stored    the same; the mailbox has it      checkpoint durable -> finished record    queued: delivered again, which
//                                               owner gone, not durable -> queued        the mailbox knows by its key
//   deferred  state record                      its time has come -> queued              deferred, to the same time
//   no_route  the accepted record               an agent of the kind appears -> queued   no_route
//   scheduled the accepted record               the time its sender asked for -> queued  scheduled, or queued if it is past
//   failed    state record                      (the bounce agent)                       failed
//   held      state record and hold/<id>        (an operator)                            held
//   done      state or finished record          the last one: message gone               not seen again
//
// A message goes when its last recipient ended, by one finished record. Bodies of waiting messages are in memory
// only as long as Options::cache_bytes allows; else they are read back when an agent gets them.
#pragma once

#include "qmgr/agents.h"
#include "qmgr/journal/spool.h"
#include "qmgr/retry.h"

namespace postern::qmgr {

// What happened to one recipient: for the log and the counters.
struct RecipientEvent {
    const QueueId& id;
    const Accepted& message;
    const ipc::EnvelopeRecipient& recipient;
    const RecipientRecord& record;
};

// As it goes to the journal: states that live in memory only read back as queued.
RecipientRecord on_disk(RecipientRecord record);

class Queue {
  public:
    struct Options {
        std::uint32_t owners = 1;                              // imapd processes: an account's is its id modulo this
        std::chrono::seconds max_age = std::chrono::hours(120);
        std::size_t cache_bytes = 32 * 1024 * 1024;
    };
    // What the queue asks of its surroundings.
    struct Ports {
        std::function<void(AgentId, JobId, ipc::Deliver, Fd)> deliver;
        std::function<void(const RecipientEvent&)> ended_or_deferred;   // stored, deferred, failed, held, done
        std::function<void(const QueueId&, std::string_view why)> corrupt;
        std::function<void(std::size_t messages)> recovered;
    };

    Queue(Options options, Ports ports) : options_(options), ports_(std::move(ports)), expiry_(options.max_age) {}
    // The hooks the spool is opened with; `post` and `trouble` are the caller's to add. Then attach().
    Spool::Hooks hooks();
    void attach(Spool& spool) { spool_ = &spool; }

    // Answers when the message is on disk; the envelope is only for the length of the call.
    using AcceptDone = std::function<void(Result<QueueId>, const ipc::Envelope&)>;
    void accept(Accepted message, AcceptDone done);

    // Agents and their results. dispatch() hands out what can be handed out; called once per turn of the loop.
    void agent_up(AgentId agent, ipc::AgentKind kind, std::uint32_t slots);
    void agent_retires(AgentId agent) { agents_.retire(agent); }   // gets nothing more
    void agent_down(AgentId agent);
    void job_done(JobId job, const ipc::DeliverResult& result);
    void job_unanswered(JobId job);                            // the agent lives and did not answer in time
    void dispatch();

    // Owners of mailboxes and their checkpoints (rule 8).
    void owner_up(std::uint32_t owner);
    void owner_down(std::uint32_t owner);
    std::size_t stored(std::uint32_t owner) const;             // waiting for a checkpoint to be asked for
    bool begin_checkpoint(std::uint32_t owner);                // false: one runs, or nothing waits
    void checkpoint_done(std::uint32_t owner, bool durable);
    // Whether all that the owner may have had and lost before it came up is durable there now, or was never there.
    bool replay_ended(std::uint32_t owner);

    // Regularly, about once a second; everything else happens at the time last told here.
    void tick(const Now& now);

    ipc::QueueListing list(const QueueId& after, std::uint32_t limit) const;
    ipc::QueueEntry show(const QueueId& id) const;
    std::size_t messages() const { return entries_.size(); }
    bool is_idle() const { return jobs_.empty() && stored_count_ == 0; }

    struct Conservation {
        Totals totals;
        std::uint64_t queued = 0, held = 0;
        bool balanced = false;
    };
    Conservation conservation() const;                         // walks everything: once a minute

  private:
    struct Recipient {
        RecipientRecord record;
        bool ending = false;                                   // its end is on the way to the disk
    };
    struct Entry {
        Accepted message;
        std::uint64_t size = 0;                                // of the body
        std::vector<Recipient> recipients;
        bool whole = false;                                    // body and trace header are in memory
        bool suspect = false;
        bool ending = false;                                   // finished record under way
    };
    struct Job {
        QueueId id;
        AgentId agent;
        Lane lane;
        std::uint64_t owner_life;
        std::vector<std::uint32_t> recipients;
        bool plain = false;
    };
    struct Owner {
        bool up = false;
        std::uint64_t life = 0;                                // counts how often it came
        std::vector<std::pair<QueueId, std::uint32_t>> stored, in_checkpoint;
        bool checkpoint_runs = false;
        std::optional<std::vector<std::pair<QueueId, std::uint32_t>>> replay;   // not known to be durable yet
    };
    using Entries = std::map<QueueId, Entry>;
    using Due = std::multimap<std::chrono::milliseconds, std::pair<QueueId, std::uint32_t>>;

    Lane lane_of(const Entry& entry, std::uint32_t index) const;
    Entry& add(const QueueId& id, Entry entry);
    void install(std::vector<RecoveredMessage> messages);
    void make_ready(const QueueId& id, Entry& entry, std::uint32_t index);
    void wait_until(std::chrono::milliseconds due, const QueueId& id, std::uint32_t index);
    void wait_for_wall(std::int64_t time, const QueueId& id, std::uint32_t index);
    void release_if_due(const QueueId& id, Entry& entry, std::uint32_t index);
    void start_job(const Agents::Choice& choice);
    void send_job(JobId id, Accepted message);
    void send_job(JobId id, Accepted message, Fd large);
    void fetch_failed(JobId id, const Error& error);
    void give_back(const Job& job);
    void apply(const QueueId& id, Entry& entry, const Job& job, const ipc::RecipientOutcome& outcome,
               std::vector<std::uint32_t>& delivered, RecipientRecords& changes);
    void defer(const QueueId& id, Entry& entry, std::uint32_t index, std::string_view code, std::string_view why,
               RecipientRecords& changes);
    bool blame(const Job& job, bool guilty);
    void hold(const QueueId& id);
    void end_recipients(const QueueId& id, const std::vector<std::uint32_t>& recipients, Outcome outcome,
                        std::vector<FinishedMessage>& finished);
    void finish(Outcome outcome, std::vector<FinishedMessage> messages);
    void damaged(const QueueId& id, std::string_view why);
    RecipientRecords snapshot(const QueueId& id) const;
    void uncache(Entry& entry);
    ipc::QueueRow row(const QueueId& id, const Entry& entry) const;
    bool may_be_replayed(const QueueId& id, std::uint32_t index) const;
    void tell(const QueueId& id, const Entry& entry, std::uint32_t index) const;

    Options options_;
    Ports ports_;
    Spool* spool_ = nullptr;
    Entries entries_;
    Agents agents_;
    std::map<JobId, Job> jobs_;
    JobId next_job_ = 1;
    std::map<std::uint32_t, Owner> owners_;
    std::set<std::uint32_t> owners_up_;
    Due due_;
    Expiry expiry_;
    Now now_;
    std::size_t cached_ = 0;
    std::size_t stored_count_ = 0;
};

} // namespace postern::qmgr
