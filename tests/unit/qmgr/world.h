// A whole qmgr without processes: queue and spool over the model file layer, a local agent, mailbox owners, and a
// ledger of what was promised to whom. It can lose its power at any call and be started again.
#pragma once

#include "qmgr/queue.h"
#include "tests/unit/qmgr/model_sys.h"

namespace postern::qmgr {

inline std::string text_body(int number, std::size_t size) {
    std::string body = "message " + std::to_string(number) + "\r\n";
    while (body.size() < size) body += static_cast<char>('a' + (body.size() * 7 + static_cast<std::size_t>(number)) % 26);
    return body;
}

struct World {
    struct Promise {
        ipc::Envelope envelope;
        std::string body;
        bool large = false;
    };

    explicit World(std::uint32_t seed = 1) : sys(seed) {
        options.segment_bytes = 64 * 1024;
        options.live_segments = 3;
        options.spare_segments = 1;
        options.threads = false;
    }

    ModelSys sys;
    Spool::Options options;
    Queue::Options queue_options;
    std::deque<std::function<void()>> posted;
    std::unique_ptr<Queue> queue;
    std::unique_ptr<Spool> spool;
    Now now{1'700'000'000, std::chrono::milliseconds(1'000'000)};

    std::map<QueueId, Promise> promised;                       // answered with a 250
    std::set<std::pair<QueueId, std::uint32_t>> mailbox, synced;   // recipients' copies; those that survive power loss
    std::vector<std::string> damage;                           // anything that must never happen
    std::vector<std::string> troubles;                         // what was reported
    std::size_t refused = 0, corrupt = 0;
    bool recovered = false;
    AgentId agent = 0, next_agent = 1;
    std::function<ipc::RecipientOutcome(const ipc::Deliver&, const ipc::DeliverRecipient&)> verdict;
    std::function<bool(const ipc::Deliver&)> kills_agent;
    std::vector<ipc::ComposeReport> reports;                   // that were asked for
    std::function<Result<ipc::ComposedReport>(const ipc::ComposeReport&)> writes_report;
    std::function<Queue::Ports::Resolved(const std::string&)> resolve = [](const std::string& address) {
        return Queue::Ports::Resolved{{{address, 99, address, ""}}};
    };
    std::vector<ipc::Deliver> plain_deliveries;

    bool start();
    void stop() {
        queue.reset();
        spool.reset();
        posted.clear();
        recovered = false;
    }
    void crash(bool power) {
        stop();
        sys.restart(power);
        if (power) mailbox = synced;
        else synced = mailbox;                                 // the owner reconciles what is in its folders
    }

    ipc::Envelope envelope(const std::vector<AccountId>& accounts) const;
    void submit(int number, std::size_t size, const std::vector<AccountId>& accounts);
    void submit_held(int number, std::int64_t until, const std::vector<AccountId>& accounts);
    void submit_large(int number, std::size_t size, const std::vector<AccountId>& accounts);
    void accept(Accepted message, std::string body);

    bool step();                                               // one thing that waits
    void settle() { for (int i = 0; i < 20000 && step(); ++i) {} }
    void checkpoint(bool durable = true);
    void advance(std::chrono::seconds time);
    void deliver(AgentId to, JobId job, ipc::Deliver message);
    void compose(JobId job, ipc::ComposeReport report);
    void add_agent(ipc::AgentKind kind) { queue->agent_up(next_agent++, kind, 4); }
    void check_bytes(const QueueId& id, const std::string& body);
    void check_promises();                                     // after recovery: nothing lost, nothing damaged
};

inline bool World::start() {
    queue = std::make_unique<Queue>(queue_options, Queue::Ports{
        [this](AgentId to, JobId job, ipc::Deliver message, Fd) { deliver(to, job, std::move(message)); },
        [this](AgentId, JobId job, ipc::ComposeReport report, Fd) { compose(job, std::move(report)); },
        [this](const ipc::Address& address, const TraceId&, auto done) { done(resolve(address.value)); },
        [](const RecipientEvent&) {},
        [](const QueueId&, const QueueId&, const ipc::Envelope&, std::string_view) {},
        [this](const QueueId&, std::string_view why) { troubles.push_back("report: " + std::string(why)); },
        [this](const QueueId&, std::string_view) { ++corrupt; },
        [this](std::size_t) { recovered = true; }});
    auto hooks = queue->hooks();
    hooks.post = [this](std::function<void()> task) { posted.push_back(std::move(task)); };
    hooks.trouble = [this](std::string_view event, const std::string& detail) {
        troubles.push_back(std::string(event) + ": " + detail);
    };
    const Fd root(sys.root());
    auto opened = Spool::open(sys, root.get(), options, std::move(hooks));
    if (!opened) {
        troubles.push_back("open: " + opened.error().message());
        stop();
        return false;
    }
    spool = std::move(*opened);
    queue->attach(*spool);
    queue->tick(now);
    for (std::uint32_t owner = 0; owner < queue_options.owners; ++owner) queue->owner_up(owner);
    agent = next_agent++;
    queue->agent_up(agent, ipc::AgentKind::local, 4);
    return true;
}

inline ipc::Envelope World::envelope(const std::vector<AccountId>& accounts) const {
    ipc::Envelope e;
    e.trace = {promised.size() + 1};
    e.reverse_path = "sender@lab.test";
    e.trace_head = "Received: by lab id ";
    e.trace_tail = "\r\n";
    for (const AccountId account : accounts) {
        const std::string address = "u" + std::to_string(account) + "@lab.test";
        e.recipients.push_back({address, account, address, ""});
    }
    return e;
}

inline void World::accept(Accepted message, std::string body) {
    Promise promise{message.envelope, std::move(body), message.large.has_value()};
    queue->accept(std::move(message), [this, promise](Result<QueueId> id, const ipc::Envelope&) {
        if (!id) {
            ++refused;
            return;
        }
        if (!promised.emplace(*id, promise).second) damage.push_back("queue id given out twice: " + id->text());
    });
}

inline void World::submit(int number, std::size_t size, const std::vector<AccountId>& accounts) {
    Accepted message;
    message.arrived = now.wall;
    message.envelope = envelope(accounts);
    message.body = text_body(number, size);
    std::string body = message.body.value;
    accept(std::move(message), std::move(body));
}

inline void World::submit_held(int number, std::int64_t until, const std::vector<AccountId>& accounts) {
    Accepted message;
    message.arrived = now.wall;
    message.envelope = envelope(accounts);
    message.envelope.extensions.hold_until = until;
    message.body = text_body(number, 100);
    accept(std::move(message), text_body(number, 100));
}

inline void World::submit_large(int number, std::size_t size, const std::vector<AccountId>& accounts) {
    auto opened = spool->create_large();
    if (!opened) {
        ++refused;
        return;
    }
    const std::string body = text_body(number, size);
    if (!write_all(sys, opened->descriptor.get(), body, 0)) {
        ++refused;
        return;
    }
    spool->commit_large(opened->name, [this, body, name = opened->name, accounts](Result<LargeBody> large) {
        if (!large) {
            ++refused;
            spool->remove_large(name);
            return;
        }
        Accepted message;
        message.arrived = now.wall;
        message.envelope = envelope(accounts);
        message.large = *large;
        accept(std::move(message), body);
    });
}

inline bool World::step() {
    if (sys.is_down()) return false;
    if (!posted.empty()) {
        auto task = std::move(posted.front());
        posted.pop_front();
        task();
        return true;
    }
    queue->dispatch();
    return spool->pump() || !posted.empty();
}

inline void World::checkpoint(bool durable) {
    if (sys.is_down()) return;
    for (std::uint32_t owner = 0; owner < queue_options.owners; ++owner) {
        if (!queue->begin_checkpoint(owner)) continue;
        if (durable) synced = mailbox;
        queue->checkpoint_done(owner, durable);
    }
}

inline void World::advance(std::chrono::seconds time) {
    now.wall += time.count();
    now.steady += time;
    if (sys.is_down()) return;
    queue->tick(now);
    spool->tick();
}

inline void World::check_bytes(const QueueId& id, const std::string& body) {
    const auto promise = promised.find(id);
    if (promise == promised.end()) return;                     // its answer was lost: rule 10
    if (promise->second.body != body) damage.push_back("damaged: " + id.text());
}

inline void World::deliver(AgentId to, JobId job, ipc::Deliver message) {
    if (sys.is_down()) return;
    if (!message.large) check_bytes(message.id, message.body.value);
    if (promised.contains(message.id) && message.trace_header.value != "Received: by lab id " + message.id.text() + "\r\n")
        damage.push_back("wrong trace header");
    if (message.plain) plain_deliveries.push_back(message);
    posted.push_back([this, to, job, message = std::move(message)] {
        if (to != agent) return;
        if (kills_agent && kills_agent(message)) {
            queue->agent_down(agent);
            agent = next_agent++;
            queue->agent_up(agent, ipc::AgentKind::local, 4);
            return;
        }
        ipc::DeliverResult result;
        for (const auto& recipient : message.recipients) {
            ipc::RecipientOutcome outcome{recipient.index, ipc::DeliveryStatus::delivered, "2.0.0", ""};
            if (verdict) outcome = verdict(message, recipient);
            if (outcome.status == ipc::DeliveryStatus::delivered) mailbox.insert({message.id, recipient.index});
            result.outcomes.push_back(outcome);
        }
        queue->job_done(job, result);
    });
}

inline void World::compose(JobId job, ipc::ComposeReport report) {
    reports.push_back(report);
    posted.push_back([this, job, report = std::move(report)] {
        ipc::ComposedReport composed{true, false, ipc::BodyKind::seven_bit, "Subject: report\r\n\r\n", ""};
        queue->report_done(job, writes_report ? writes_report(report) : Result<ipc::ComposedReport>(std::move(composed)));
    });
}

// Every promised recipient is in a mailbox for good, or waits in the queue.
inline void World::check_promises() {
    for (const auto& [id, promise] : promised) {
        const auto entry = queue->show(id);
        for (std::uint32_t i = 0; i < promise.envelope.recipients.size(); ++i) {
            const bool waits = entry.found && entry.recipients.size() == promise.envelope.recipients.size() &&
                               entry.recipients.items[i].state != ipc::RecipientState::done;
            if (!waits && !synced.contains({id, i})) damage.push_back("lost: " + id.text() + " recipient " + std::to_string(i));
        }
        if (!entry.found) continue;
        spool->read(id, [this, id = id](Result<Accepted> message) {
            if (!message) damage.push_back("unreadable: " + id.text() + ": " + message.error().message());
            else if (!message->large) check_bytes(id, message->body.value);
            else if (sys.content("large/" + LargeFiles::file_name(message->large->name)) != promised[id].body)
                damage.push_back("large body damaged: " + id.text());
        });
    }
    settle();
}

} // namespace postern::qmgr
