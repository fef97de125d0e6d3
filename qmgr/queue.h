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
//   failed    state record                      the report accepted, which ends it       failed
//   delivered state record                      the same, when its sender asked for one  delivered
//   held      state record and hold/<id>        (an operator)                            held
//   done      state or finished record          the last one: message gone               not seen again
//
// A message goes when its last recipient ended, by one finished record. Bodies of waiting messages are in memory
// only as long as Options::cache_bytes allows; else they are read back when an agent gets them.
#pragma once

#include "ipc/queue_admin.h"
#include "ipc/report.h"
#include "qmgr/agents.h"
#include "qmgr/filter.h"
#include "qmgr/journal/spool.h"
#include "qmgr/orders.h"
#include "qmgr/routes.h"

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
        std::size_t cache_bytes = 32 * 1024 * 1024;
        Destinations::Options destinations;
        Routes::Options routes;
        std::uint32_t recipients_at_once = 100;                // of one transaction with another host
        std::uint32_t bulk_recipients = 10;                    // more than these, and it is no person's letter
        std::chrono::seconds delay_warning = std::chrono::hours(4);
        std::string hostname = "localhost";                    // in the trace header of our own reports
    };
    // What the queue asks of its surroundings.
    struct Ports {
        std::function<void(AgentId, JobId, ipc::Deliver, Fd)> deliver;
        std::function<void(AgentId, JobId, ipc::ComposeReport, Fd)> compose;
        // Where mail to this address goes; nothing when nobody knows now, an empty list when nowhere.
        using Resolved = std::optional<std::vector<ipc::EnvelopeRecipient>>;
        std::function<void(const ipc::Address&, const TraceId&, std::function<void(Resolved)>)> resolve;
        std::function<void(const RecipientEvent&)> ended_or_deferred;   // stored, deferred, failed, held, done
        std::function<void(const QueueId&, const QueueId& report, const ipc::Envelope& of_report, std::string_view action)> reported;
        std::function<void(const QueueId&, std::string_view why)> report_failed;
        std::function<void(const QueueId&, std::string_view why)> corrupt;
        std::function<void(std::size_t messages)> recovered;
    };

    Queue(Options options, Ports ports) : options_(std::move(options)), ports_(std::move(ports)), agents_(options_.destinations), routes_(options_.routes) {}
    // After a reload: where mail goes and how it is tried, from now on. What was started is not touched.
    void configure(Options options);
    // The hooks the spool is opened with; `post` and `trouble` are the caller's to add. Then attach().
    Spool::Hooks hooks();
    void attach(Spool& spool);

    // Answers when the message is on disk; the envelope is only for the length of the call.
    using AcceptDone = std::function<void(Result<QueueId>, const ipc::Envelope&)>;
    void accept(Accepted message, AcceptDone done);

    // Agents and their results. dispatch() hands out what can be handed out; called once per turn of the loop.
    void agent_up(AgentId agent, ipc::AgentKind kind, std::uint32_t slots);
    void agent_retires(AgentId agent) { agents_.retire(agent); }   // gets nothing more
    void agent_down(AgentId agent);
    void job_done(JobId job, const ipc::DeliverResult& result);
    void job_unanswered(JobId job);                            // the agent lives and did not answer in time
    void report_done(JobId job, Result<ipc::ComposedReport> report);
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

    ipc::QueueListing list(const ipc::QueueList& ask) const;
    ipc::QueueEntry show(const QueueId& id) const;
    ipc::QueueStatistics statistics() const;
    ipc::DestinationListing list_destinations(const ipc::ListDestinations& ask) const;

    // What an operator does: queue_operations.cc.
    ipc::QueueActed act(const ipc::QueueAct& ask);
    void read_content(const QueueId& id, std::uint64_t from, std::function<void(ipc::QueueContent)> done);
    std::optional<std::uint32_t> find_waiting(const QueueId& id, std::string_view recipient) const;
    bool edit(const QueueId& id, std::uint32_t index, ipc::EnvelopeRecipient instead);
    using Kept = std::function<void(Result<void>)>;            // once it is on disk
    // False: nothing is known of it.
    bool set_destination(const std::string& name, ipc::DestinationAction action, Kept done);
    Result<std::uint64_t> add_hold_rule(ipc::HoldRule rule, Kept done);
    bool remove_hold_rule(std::uint64_t number, Kept done);
    const Orders& orders() const { return orders_.get(); }
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
        bool reporting = false;                                // a report about it waits for the agent, or is with it
        bool to_postmaster = false;                            // its sender cannot be told
        std::uint8_t report_deaths = 0;                        // of agents that wrote one

        // Where this one goes: the envelope's, or what an operator put in its place.
        const ipc::EnvelopeRecipient& recipient(std::uint32_t index) const {
            const auto& instead = recipients[index].record.note.instead;
            return instead ? *instead : message.envelope.recipients.items[index];
        }
        // With which it goes there: not the one it came with where an address here sends it on.
        const ipc::Address& reverse_path(std::uint32_t index) const {
            for (const ipc::Forwarded& forwarded : message.envelope.forwarded)
                if (forwarded.index == index) return forwarded.reverse_path;
            return message.envelope.reverse_path;
        }
    };
    struct Job {
        QueueId id;
        AgentId agent;
        Lane lane;
        std::uint64_t owner_life;
        std::vector<std::uint32_t> recipients;
        bool plain = false;
        ipc::ReportAction report = ipc::ReportAction::failed;  // of the bounce agent's
    };
    struct Owner {
        bool up = false;
        std::uint64_t life = 0;                                // counts how often it came
        std::vector<std::pair<QueueId, std::uint32_t>> stored, in_checkpoint;
        bool checkpoint_runs = false;
        std::optional<std::vector<std::pair<QueueId, std::uint32_t>>> replay;   // not known to be durable yet
    };
    using Entries = std::map<QueueId, Entry>;
    static constexpr std::uint32_t whole_message = UINT32_MAX;             // in the place of a recipient's index
    using Due = std::multimap<std::chrono::milliseconds, std::pair<QueueId, std::uint32_t>>;

    Lane lane_of(const Entry& entry, std::uint32_t index) const;
    Priority priority_of(const Entry& entry) const;
    Entry& add(const QueueId& id, Entry entry);
    bool hold_by_rule(const QueueId& id, Entry& entry);
    void install(std::vector<RecoveredMessage> messages);
    void make_ready(const QueueId& id, Entry& entry, std::uint32_t index);
    void wait_until(std::chrono::milliseconds due, const QueueId& id, std::uint32_t index);
    void wait_for_wall(std::int64_t time, const QueueId& id, std::uint32_t index);
    void release_if_due(const QueueId& id, Entry& entry, std::uint32_t index);
    void start_job(const Agents::Choice& choice);
    void send_job(JobId id, Accepted message);
    void send_job(JobId id, Accepted message, Fd large);
    std::vector<std::uint32_t> recipients_for(const Entry& entry, const Agents::Choice& choice, Job& job);
    void fetch_failed(JobId id, const Error& error);
    void give_back(const Job& job);
    void apply(const QueueId& id, Entry& entry, const Job& job, const ipc::DeliverResult& result,
               const ipc::RecipientOutcome& outcome, std::vector<std::uint32_t>& delivered, RecipientRecords& changes);
    void defer(const QueueId& id, Entry& entry, std::uint32_t index, std::string_view code, std::string_view why,
               RecipientRecords& changes);
    void fail(const QueueId& id, Entry& entry, std::uint32_t index, RecipientRecords& changes);
    void give_up_unreached(const QueueId& id, Entry& entry);

    // queue_reports.cc
    struct ReportDue {
        ipc::ReportAction action;
        std::vector<std::uint32_t> recipients;
    };
    std::uint8_t notify_of(const Entry& entry, std::uint32_t index) const;
    bool tells_success(const Entry& entry, std::uint32_t index) const;
    bool tells_failure(const Entry& entry, std::uint32_t index) const;
    bool tells_delay(const Entry& entry, std::uint32_t index) const;
    std::optional<ReportDue> report_due(const Entry& entry) const;
    void consider_report(const QueueId& id, Entry& entry);
    void start_report(const Agents::Choice& choice);
    void send_report_job(JobId id, Accepted message, Fd large);
    void accept_report(const Job& job, ipc::ComposedReport report, std::vector<ipc::EnvelopeRecipient> to);
    void report_accepted(const Job& job, const std::vector<std::uint32_t>& told);
    void report_failed(const Job& job, std::string_view why);
    void report_agent_died(const Job& job, bool guilty);
    void end_stored(const QueueId& id, std::vector<std::uint32_t> recipients, std::vector<FinishedMessage>& finished);
    void sweep();

    // queue_operations.cc
    std::vector<std::uint32_t> chosen(const QueueId& id, const Entry& entry, const ipc::QueueAct& ask) const;
    std::vector<std::uint32_t> act_on(const QueueId& id, Entry& entry, const ipc::QueueAct& ask, const std::vector<std::uint32_t>& recipients);
    void flush(const QueueId& id, Entry& entry, std::uint32_t index);
    void requeue(const QueueId& id, std::uint32_t index);
    void requeued(const QueueId& id, std::uint32_t index, Ports::Resolved to);
    void release(const QueueId& id, const std::vector<std::uint32_t>& recipients);
    void save(const QueueId& id, const Entry& entry, const std::vector<std::uint32_t>& recipients);
    bool blame(const Job& job, bool guilty);
    void hold(const QueueId& id);
    void end_recipients(const QueueId& id, const std::vector<std::uint32_t>& recipients, Outcome outcome,
                        std::vector<FinishedMessage>& finished);
    void finish(Outcome outcome, std::vector<FinishedMessage> messages);
    void damaged(const QueueId& id, std::string_view why);
    RecipientRecords snapshot(const QueueId& id) const;
    void uncache(Entry& entry);
    std::optional<std::uint32_t> first_match(const Entry& entry, const Filter& filter) const;
    ipc::QueueRow row(const QueueId& id, const Entry& entry, std::uint32_t shown) const;
    std::string last_error(const Entry& entry, std::uint32_t index) const;
    bool may_be_replayed(const QueueId& id, std::uint32_t index) const;
    void tell(const QueueId& id, const Entry& entry, std::uint32_t index) const;

    Options options_;
    Ports ports_;
    Spool* spool_ = nullptr;
    Entries entries_;
    Agents agents_;
    Routes routes_;
    StandingOrders orders_;
    std::map<JobId, Job> jobs_;
    JobId next_job_ = 1;
    std::map<std::uint32_t, Owner> owners_;
    std::set<std::uint32_t> owners_up_;
    Due due_;
    Expiry expiry_;
    Now now_;
    QueueId swept_{};                                          // where the sweep goes on
    std::size_t cached_ = 0;
    std::size_t stored_count_ = 0;
};

} // namespace postern::qmgr
