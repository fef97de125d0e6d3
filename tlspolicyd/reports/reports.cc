#include "tlspolicyd/reports/reports.h"

#include "ipc/ask_dns.h"
#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libcommon/text.h"
#include "libmail/address.h"
#include "libmail/chars.h"
#include "libmail/date.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace postern::tlsrpt {
namespace {

using State = ipc::TlsReportState;

constexpr std::chrono::seconds period{5};
constexpr std::size_t most_at_once = 8;
constexpr std::int64_t tidy_every = 600;

Counter successes{"tls_results_total", "result=\"success\"", "Sessions with other hosts whose TLS was recorded"};
Counter failures{"tls_results_total", "result=\"failure\"", "Sessions with other hosts whose TLS was recorded"};
Counter lost_domains{"tls_results_lost_total", "of=\"domain\"", "Sessions not recorded because a bound was reached"};
Counter lost_details{"tls_results_lost_total", "of=\"detail\"", "Sessions not recorded because a bound was reached"};
Counter sent{"tls_reports_total", "result=\"sent\"", "TLS reports, by target and how they went"};
Counter deferred{"tls_reports_total", "result=\"deferred\"", "TLS reports, by target and how they went"};
Counter given_up{"tls_reports_total", "result=\"failed\"", "TLS reports, by target and how they went"};
Counter unasked{"tls_reports_total", "result=\"unasked\"", "TLS reports, by target and how they went"};
Counter database_errors{"tls_results_database_errors_total", "", "Reads and writes of results.db that failed"};

std::int64_t wall_seconds() { return static_cast<std::int64_t>(std::time(nullptr)); }

bool holds(const Error* failed) {
    if (!failed) return true;
    database_errors.add();
    log::error("tlsreport.database", {{"error", failed->message()}});
    return false;
}
template <class T> bool holds(const Result<T>& done) { return holds(done ? nullptr : &done.error()); }

void count(const ipc::TlsResults& results) {
    for (const ipc::TlsResult& result : results.results)
        (result.result == ipc::TlsResultType::success ? successes : failures).add(result.count);
}

std::string day_text(std::int64_t day) { return mail::format_date({day * day_seconds, 0}).substr(5, 11); }

std::string or_else(const std::string& text, std::string fallback) { return text.empty() ? std::move(fallback) : text; }

// A report without one is none that others could read: what is wrong counts as not given.
std::string address_or(const Config& config, std::string_view key, std::string fallback) {
    const std::string& text = config.text(key);
    if (text.empty()) return fallback;
    const auto mailbox = mail::parse_mailbox(text);
    if (mailbox && std::none_of(text.begin(), text.end(), mail::is_eight_bit)) return mailbox->text();
    log::error("tlsreport.option.wrong", {{"option", std::string(key) + ": " + printable(text)}});
    return fallback;
}

} // namespace

Reports::Reports(ipc::Daemon& daemon, sql::Database db)
    : daemon_(daemon), db_(std::move(db)),
      results_(db_, [this](std::int64_t day, std::string_view domain) {
          return due_time(day, domain, settings_.reporter.submitter(), settings_.delay);
      }),
      work_(daemon.loop(), [this] { work(); }) {
    configure();
    daemon_.on<ipc::TlsResults>([this](ipc::Incoming<ipc::TlsResults> in) { note(in.message); });
    serve_management();
    work_.every(period);
}

void Reports::configure() {
    const Config& config = daemon_.config();
    const std::string& hostname = config.text("server.hostname");
    settings_.enabled = config.flag("tls_reports.enabled");
    settings_.delay = std::chrono::duration_cast<std::chrono::seconds>(config.duration("tls_reports.delay")).count();
    Reporter& reporter = settings_.reporter;
    reporter.hostname = hostname;
    reporter.from = address_or(config, "tls_reports.from", "tls-reports@" + hostname);
    reporter.contact = address_or(config, "tls_reports.contact", reporter.from);
    reporter.organization = or_else(config.text("tls_reports.organization"), hostname);
}

// ---- results ---------------------------------------------------------------------------------------------------------------

void Reports::note(const ipc::TlsResults& results) {
    if (!settings_.enabled) return;                  // a smtp-out that has not taken a reload yet
    count(results);
    const auto lost = results_.add(results, wall_seconds());
    if (holds(lost)) tell_lost(*lost);
}

// Once a day: the counters have the rest.
void Reports::tell_lost(const Results::Lost& lost) {
    if (lost.domains == 0 && lost.details == 0) return;
    lost_domains.add(static_cast<std::int64_t>(lost.domains));
    lost_details.add(static_cast<std::int64_t>(lost.details));
    const std::int64_t day = wall_seconds() / day_seconds;
    if (std::exchange(lost_told_, day) == day) return;
    log::warning("tlsreport.results.lost", {{"sessions", lost.domains}, {"details", lost.details}});
}

std::vector<PolicyResults> Reports::results_of(const Stretch& stretch) {
    auto policies = results_.policies(stretch.id);
    if (!holds(policies)) return {};
    for (PolicyResults& policy : *policies)
        if (policy.type == ipc::TlsPolicyType::sts && policy_lines_) policy.lines = policy_lines_(stretch.domain, policy.sts_id);
    return std::move(*policies);
}

std::string Reports::text_of(const Stretch& stretch) {
    return report_json(settings_.reporter, stretch, results_of(stretch)).dump(true) + "\n";
}

// ---- reports ---------------------------------------------------------------------------------------------------------------

void Reports::work() {
    const std::int64_t now = wall_seconds();
    if (now - tidied_ >= tidy_every) {
        tidied_ = now;
        holds(results_.forget_old(now));
    }
    if (!settings_.enabled || running_ >= most_at_once) return;
    const auto stretches = results_.take_due(now, most_at_once - running_);
    if (holds(stretches))
        for (const Stretch& stretch : *stretches) ask(stretch);
    if (running_ >= most_at_once) return;
    const auto targets = results_.take_due_targets(now, most_at_once - running_);
    if (holds(targets))
        for (const DueTarget& due : *targets) send(due);
}

void Reports::ask(const Stretch& stretch) {
    ++running_;
    ipc::ask_dns(daemon_, "_smtp._tls." + stretch.domain, ipc::DnsType::txt, [this, stretch](const ipc::DnsAnswer& answer) {
        --running_;
        answered(stretch, answer);
        work();
    });
}

void Reports::answered(const Stretch& stretch, const ipc::DnsAnswer& answer) {
    const bool unknown = is_temporary(answer.status);
    if (unknown && stretch.tries < max_tries) return;         // its next time is set
    std::vector<std::string_view> texts;
    if (!unknown)
        for (const ipc::DnsRecord& record : answer.records) texts.push_back(record.data.view());
    const auto targets = choose_record(texts);
    if (targets) {
        holds(results_.set_targets(stretch.id, *targets, wall_seconds()));
        return;
    }
    unasked.add();
    log::debug("tlsreport.unasked", {{"domain", stretch.domain}, {"day", day_text(stretch.day)}, {"dns", unknown ? "unknown" : "answered"}});
    holds(results_.end(stretch.id));
}

void Reports::send(const DueTarget& due) {
    ++running_;
    deliver(daemon_, due.target, settings_.reporter, due.stretch, gzip(text_of(due.stretch)), [this, due](const Delivered& outcome) {
        --running_;
        delivered(due, outcome);
        work();
    });
}

void Reports::delivered(const DueTarget& due, const Delivered& outcome) {
    const Stretch& stretch = due.stretch;
    const std::string id = report_id(settings_.reporter, stretch), to = printable(due.target.uri, max_uri);
    if (outcome.taken) {
        sent.add();
        const bool by_mail = !due.target.mailbox.empty();
        log::info("tlsreport.sent", {{"domain", stretch.domain}, {"day", day_text(stretch.day)}, {"to", to}, {"report", id},
                                     {by_mail ? "queue" : "code", outcome.how}});
        holds(results_.end_target(stretch.id, due.target.uri, State::sent, {}));
        return;
    }
    const bool over = due.tries >= max_tries;
    (over ? given_up : deferred).add();
    log::warning(over ? "tlsreport.failed" : "tlsreport.deferred", {{"domain", stretch.domain}, {"day", day_text(stretch.day)}, {"to", to},
                                                                    {"report", id}, {"tries", due.tries}, {"reason", printable(outcome.reason, 256)}});
    if (over) holds(results_.end_target(stretch.id, due.target.uri, State::failed, outcome.reason));
    else holds(results_.note_failure(stretch.id, due.target.uri, outcome.reason));
}

// ---- an operator -----------------------------------------------------------------------------------------------------------

void Reports::serve_management() {
    daemon_.on<ipc::ListTlsResults>([this](ipc::Incoming<ipc::ListTlsResults> in) { in.reply(list(in.message)); });
    daemon_.on<ipc::ShowTlsReport>([this](ipc::Incoming<ipc::ShowTlsReport> in) { in.reply(show(in.message)); });
}

ipc::TlsResultListing Reports::list(const ipc::ListTlsResults& ask) {
    const std::int64_t day = ask.day == ipc::latest_day ? wall_seconds() / day_seconds : ask.day;
    auto listing = results_.list(ask, day);
    if (!holds(listing)) return {};
    if (ask.domain.empty()) return std::move(*listing);
    const auto stretch = results_.find(ask.domain.view(), day);
    if (!holds(stretch) || !*stretch) return std::move(*listing);
    for (const PolicyResults& policy : results_of(**stretch)) {
        for (const FailureCount& failure : policy.details) {
            if (listing->failures.size() == decltype(listing->failures)::limit) break;
            ipc::TlsResult row;
            row.domain = (*stretch)->domain;
            row.policy = policy.type;
            row.sts_id = policy.sts_id;
            row.result = failure.result;
            row.sending_ip = failure.sending_ip;
            row.receiving_ip = failure.receiving_ip;
            row.mx_host = failure.mx_host;
            row.reason = failure.reason;
            row.count = static_cast<std::uint32_t>(std::min<std::uint64_t>(failure.count, UINT32_MAX));
            listing->failures.push_back(std::move(row));
        }
    }
    return std::move(*listing);
}

void Reports::describe(const Stretch& stretch, ipc::TlsReport& report) {
    report.found = true;
    report.state = stretch.state;
    std::string text = text_of(stretch);
    if (text.size() <= decltype(report.json)::limit) report.json = std::move(text);
    else report.reason = "it is too large to be shown";
    if (auto targets = results_.targets(stretch.id); holds(targets)) report.targets = std::move(*targets);
}

ipc::TlsReport Reports::show(const ipc::ShowTlsReport& ask) {
    ipc::TlsReport report;
    auto found = results_.find(ascii_lower(ask.domain.view()), ask.day);
    if (!holds(found) || !*found) {
        report.reason = found ? "there are no results of that domain" : "results.db cannot be read";
        return report;
    }
    Stretch stretch = std::move(**found);
    if (ask.send && !settings_.enabled) {
        report.reason = "tls_reports.enabled is false";
    } else if (ask.send) {
        const std::int64_t now = wall_seconds();
        auto begun = results_.send_now(stretch, now);
        if (holds(begun)) stretch = std::move(*begun);
        else report.reason = "results.db cannot be written";
        log::info("tlsreport.requested", {{"session", ask.actor.trace.text()}, {"by", printable(ask.actor.who.view(), 64)},
                                          {"domain", stretch.domain}, {"report", report_id(settings_.reporter, stretch)}});
    }
    describe(stretch, report);
    if (ask.send) daemon_.loop().defer([this] { work(); });
    return report;
}

} // namespace postern::tlsrpt
