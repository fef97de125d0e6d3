#include "delivery/local/service.h"

#include "delivery/local/compose.h"
#include "delivery/local/returned.h"
#include "libcommon/counters.h"
#include "libcommon/log.h"

#include <algorithm>

namespace postern::local {
namespace {

Counter delivered{"local_deliveries_total", "result=\"delivered\"", "Local deliveries by result"};
Counter deferred{"local_deliveries_total", "result=\"deferred\"", "Local deliveries by result"};
Counter failed{"local_deliveries_total", "result=\"failed\"", "Local deliveries by result"};

// Messages in work at once: enough that imapd's answers never leave us idle, bounded by their inline bodies.
constexpr std::uint32_t slots = 64;
// A mailbox that does not answer is tried again by the queue, not waited for here.
constexpr std::chrono::seconds store_deadline(60);

} // namespace

// One message and the recipients that are still out; answers qmgr when the last is back.
struct Service::Job {
    ipc::Incoming<ipc::Deliver> in;
    ipc::DeliverResult result;
    std::size_t waiting = 0;
};

Service::Service(ipc::Daemon& daemon) : daemon_(daemon) {
    daemon_.on<ipc::Deliver>([this](ipc::Incoming<ipc::Deliver> in) { start(std::move(in)); });
    daemon_.link(ipc::ServiceId::qmgr).on_up([](ipc::Channel& qmgr) {
        qmgr.send(ipc::AgentReady{ipc::AgentKind::local, slots});
    });
    daemon_.link(ipc::ServiceId::qmgr).connect();
    daemon_.link(ipc::ServiceId::policyd).keep_up();
    daemon_.on_drain([this] {
        draining_ = true;
        if (running_ == 0) daemon_.drained();
    });
}

void Service::start(ipc::Incoming<ipc::Deliver> in) {
    ++running_;
    auto job = std::make_shared<Job>(Job{std::move(in), {}, 0});
    job->waiting = job->in.message.recipients.size() + 1;
    for (const ipc::DeliverRecipient& recipient : job->in.message.recipients) store(job, recipient);
    // The extra one: a job without recipients is answered too, and none is answered before all have started.
    if (--job->waiting == 0) {
        job->in.reply(job->result);
        --running_;
    }
}

void Service::store(const std::shared_ptr<Job>& job, const ipc::DeliverRecipient& recipient) {
    const std::uint32_t owners = static_cast<std::uint32_t>(daemon_.config().number("processes.imapd"));
    ipc::StoreMessage request = store_request(job->in.message, recipient);
    request.body = job->in.message.body;
    Fd body = job->in.descriptor.duplicate();
    if (request.large && !body)
        return finished(job, {recipient.index, ipc::DeliveryStatus::deferred, "4.3.0", "no descriptor left for the body"});
    daemon_.link(ipc::ServiceId::imapd, static_cast<std::uint32_t>(recipient.recipient.account % owners))
        .call<ipc::StoreMessage>(
            request,
            [this, job, index = recipient.index](const Result<ipc::Stored>& stored) {
                finished(job, outcome_of(index, stored));
            },
            store_deadline, std::move(body));
}

void Service::finished(const std::shared_ptr<Job>& job, ipc::RecipientOutcome outcome) {
    Counter* const counters[] = {&delivered, &deferred, &failed};
    counters[static_cast<std::size_t>(outcome.status)]->add();
    if (outcome.status != ipc::DeliveryStatus::delivered)
        log::warning("local.delivery.problem", {{"queue", job->in.message.id.text()}, {"session", job->in.message.trace.text()},
                                                {"code", outcome.code.view()}, {"why", outcome.diagnostic.view()}});
    job->result.outcomes.push_back(std::move(outcome));
    if (--job->waiting > 0) return;
    const auto is_delivered = [](const ipc::RecipientOutcome& o) { return o.status == ipc::DeliveryStatus::delivered; };
    if (std::any_of(job->result.outcomes.begin(), job->result.outcomes.end(), is_delivered))
        tell_policy(tell_returned(job->in.message, job->in.descriptor, daemon_.config().text("server.hostname")));
    job->in.reply(job->result);
    if (--running_ == 0 && draining_) daemon_.drained();
}

void Service::tell_policy(const ipc::NoteAddresses& notes) {
    ipc::Link& policyd = daemon_.link(ipc::ServiceId::policyd);
    if (!notes.notes.empty() && policyd.is_up()) policyd.send(notes);
}

} // namespace postern::local
