#include "qmgr/event.h"

#include "libcommon/counters.h"
#include "libcommon/log.h"

#include <iterator>

namespace postern::qmgr {
namespace {

using ipc::RecipientState;

Counter accepted{"queue_accepted_total", "", "Messages accepted into the queue"};
Counter refused{"queue_refused_total", "", "Messages the queue did not take"};
Gauge size{"queue_size", "", "Messages in the queue"};
Gauge segments{"queue_journal_segments", "", "Live journal segments"};
Gauge flushes{"queue_journal_flushes_total", "", "Batches written and flushed"};
Gauge records{"queue_journal_records_total", "", "Records in them: by flushes, the mean batch"};
Gauge intake{"queue_intake_open", "", "1 while messages are taken"};
Gauge difference{"queue_conservation_difference", "", "Recipients the account and the queue disagree about; 0 unless something is lost"};

// What is written to the log when a recipient gets into a state; the rest is not news.
struct News {
    RecipientState state;
    Outcome outcome;
    log::Level level;
    std::string_view name;
    Counter* counter;
};
Counter delivered{"delivery_total", "result=\"delivered\"", "Recipients that ended or were deferred"};
Counter deferred{"delivery_total", "result=\"deferred\"", "Recipients that ended or were deferred"};
Counter failed{"delivery_total", "result=\"failed\"", "Recipients that ended or were deferred"};
Counter held{"delivery_total", "result=\"held\"", "Recipients that ended or were deferred"};
Counter bounced{"delivery_total", "result=\"bounced\"", "Recipients that ended or were deferred"};
Counter discarded{"delivery_total", "result=\"discarded\"", "Recipients that ended or were deferred"};
constexpr News news[] = {
    {RecipientState::done, Outcome::delivered, log::Level::info, "delivery.delivered", &delivered},
    {RecipientState::deferred, Outcome::waiting, log::Level::info, "delivery.deferred", &deferred},
    {RecipientState::failed, Outcome::waiting, log::Level::warning, "delivery.failed", &failed},
    {RecipientState::done, Outcome::bounced, log::Level::info, "queue.bounced", &bounced},
    {RecipientState::done, Outcome::discarded, log::Level::warning, "queue.discarded", &discarded},
    {RecipientState::held, Outcome::waiting, log::Level::warning, "queue.held", &held},
};
Counter reports_failed{"queue_reports_total", "result=\"failed\"", "Reports to senders"};
Counter reports_accepted{"queue_reports_total", "result=\"accepted\"", "Reports to senders"};

struct TotalsGauge {
    std::uint64_t Totals::* member;
    Gauge gauge;
};
constexpr std::string_view totals_help = "Recipients by what became of them, since the spool was made";
TotalsGauge totals_gauges[] = {
    {&Totals::accepted, {"queue_recipients_total", "outcome=\"accepted\"", totals_help}},
    {&Totals::expanded, {"queue_recipients_total", "outcome=\"expanded\"", totals_help}},
    {&Totals::delivered, {"queue_recipients_total", "outcome=\"delivered\"", totals_help}},
    {&Totals::bounced, {"queue_recipients_total", "outcome=\"bounced\"", totals_help}},
    {&Totals::discarded, {"queue_recipients_total", "outcome=\"discarded\"", totals_help}},
    {&Totals::deleted, {"queue_recipients_total", "outcome=\"deleted\"", totals_help}},
    {&Totals::corrupt, {"queue_recipients_total", "outcome=\"corrupt\"", totals_help}},
};
Gauge waiting{"queue_recipients", "state=\"queued\"", "Recipients in the queue"};
Gauge on_hold{"queue_recipients", "state=\"held\"", "Recipients in the queue"};

} // namespace

void tell_accepted(const QueueId& id, const ipc::Envelope& envelope, std::uint64_t bytes) {
    accepted.add();
    // smtpd says the same to the operator when it has answered: this one is for those who look into a loss between.
    if (log::enabled(log::Level::debug))
        log::debug("queue.accepted", {{"queue", id.text()}, {"session", envelope.trace.text()}, {"from", envelope.reverse_path.view()},
                                      {"size", bytes}, {"rcpts", envelope.recipients.size()}});
    if (const std::int64_t until = envelope.extensions.hold_until; until != 0)
        log::info("queue.scheduled", {{"queue", id.text()}, {"session", envelope.trace.text()}, {"until", until}});
}

void tell_refused(const ipc::Envelope& envelope, std::string_view status, std::string_view reason) {
    refused.add();
    log::warning("queue.refused", {{"session", envelope.trace.text()}, {"status", status}, {"reason", reason}});
}

void tell_recipient(const RecipientEvent& event) {
    for (const News& row : news) {
        if (row.state != event.record.state || row.outcome != event.record.outcome) continue;
        row.counter->add();
        if (!log::enabled(row.level)) return;
        log::event(row.level, row.name,
                   {{"queue", event.id.text()}, {"session", event.message.envelope.trace.text()},
                    {"rcpt", event.recipient.forward_path.view()}, {"account", event.recipient.account},
                    {"attempts", event.record.attempts}, {"code", event.record.code.view()},
                    {"reason", event.record.error.view()}});
    }
}

void tell_reported(const QueueId& id, const QueueId& report, const ipc::Envelope& of_report, std::string_view action) {
    reports_accepted.add();
    log::info("queue.reported", {{"queue", id.text()}, {"session", of_report.trace.text()}, {"action", action},
                                 {"to", of_report.recipients.items.front().forward_path.view()}, {"report", report.text()}});
}

void tell_report_failed(const QueueId& id, std::string_view why) {
    reports_failed.add();
    log::warning("queue.report.failed", {{"queue", id.text()}, {"reason", why}});
}

void tell_operator(const ipc::Actor& actor, std::string_view action, std::uint64_t messages, std::uint64_t recipients) {
    log::info("queue.operator", {{"session", actor.trace.text()}, {"who", actor.who.view()}, {"action", action},
                                 {"messages", messages}, {"recipients", recipients}});
}

void tell_corrupt(const QueueId& id, std::string_view why) {
    log::error("queue.corrupt", {{"queue", id.text()}, {"reason", why}});
}

void count_spool(const Spool& spool, const Queue& queue) {
    size.set(static_cast<std::int64_t>(queue.messages()));
    segments.set(static_cast<std::int64_t>(spool.live_segments()));
    flushes.set(static_cast<std::int64_t>(spool.batches()));
    records.set(static_cast<std::int64_t>(spool.records()));
    intake.set(spool.refusal().empty() ? 1 : 0);
    for (TotalsGauge& row : totals_gauges) row.gauge.set(static_cast<std::int64_t>(spool.totals().*row.member));
}

void count_conservation(const Queue::Conservation& account) {
    waiting.set(static_cast<std::int64_t>(account.queued));
    on_hold.set(static_cast<std::int64_t>(account.held));
    const std::int64_t off =
        account.balanced ? 0 : account.totals.waiting() - static_cast<std::int64_t>(account.queued + account.held);
    difference.set(off);
    if (off != 0) log::error("queue.conservation", {{"queue", "all"}, {"difference", off}});
}

} // namespace postern::qmgr
