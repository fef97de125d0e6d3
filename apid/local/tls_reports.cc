// Results of TLS with other hosts, and the reports made of them: tlspolicyd's.
#include "apid/local/handlers.h"
#include "ipc/tls_policy.h"
#include "libcommon/text.h"
#include "libmail/date.h"

#include <fmt/core.h>

namespace postern::api {
namespace {

using ipc::ServiceId;

// "2026-11-21" as days since the epoch.
std::optional<std::int64_t> day_in(std::string_view text) {
    const auto parts = split(text, '-');
    if (parts.size() != 3) return std::nullopt;
    const auto year = parse_number(parts[0], 9999), month = parse_number(parts[1], 12), day = parse_number(parts[2], 31);
    if (!year || !month || !day) return std::nullopt;
    return mail::day_of(static_cast<int>(*year), static_cast<unsigned>(*month), static_cast<unsigned>(*day));
}

bool take_day(const Call& call, std::int64_t& into) {
    const auto text = call.request.parameter("day");
    if (text.empty()) return true;
    const auto day = day_in(text);
    if (day) return into = *day, true;
    return call.refuse(400, "day: as 2026-11-21"), false;
}

json::Value to_json(const ipc::TlsResultRow& row) {
    return json::Value()
        .set("domain", row.domain.view())
        .set("began", row.began)
        .set("ended", row.ended)
        .set("state", to_string(row.state))
        .set("policy", to_string(row.policy))
        .set("successes", row.successes)
        .set("failures", row.failures);
}

json::Value to_json(const ipc::TlsResult& failure) {
    return json::Value()
        .set("policy", to_string(failure.policy))
        .set("sts_id", failure.sts_id.view())
        .set("result", to_string(failure.result))
        .set("sending_ip", failure.sending_ip.view())
        .set("receiving_ip", failure.receiving_ip.view())
        .set("mx_host", failure.mx_host.view())
        .set("reason", failure.reason.view())
        .set("count", failure.count);
}

json::Value to_json(const ipc::TlsReportTarget& target) {
    return json::Value()
        .set("uri", target.uri.view())
        .set("state", to_string(target.state))
        .set("attempts", target.attempts)
        .set("reason", target.reason.view());
}

template <class Items> json::Value array_of(const Items& items) {
    json::Value array = json::Array{};
    for (const auto& item : items) array.push(to_json(item));
    return array;
}

void answer_report(const Call& call, const ipc::TlsReport& report, int good) {
    if (!report.found) return call.refuse(404, report.reason.view());
    const auto text = json::parse(report.json.view());
    call.answer(good, json::Value()
                          .set("state", to_string(report.state))
                          .set("reason", report.reason.view())
                          .set("targets", array_of(report.targets))
                          .set("report", text ? *text : json::Value()));
}

void report(const Call& call, bool send, int good) {
    ipc::ShowTlsReport ask;
    if (!call.take_parameter(0, ask.domain) || !take_day(call, ask.day)) return;
    ask.actor = call.actor();
    ask.send = send;
    call.ask<ipc::ShowTlsReport>(ServiceId::tlspolicyd, ask, [call, good](const ipc::TlsReport& found) { answer_report(call, found, good); });
}

} // namespace

void list_tls_results(const Call& call) {
    ipc::ListTlsResults ask;
    if (!call.take_query("after", ask.after) || !call.take_limit(ask.limit) || !take_day(call, ask.day)) return;
    call.ask<ipc::ListTlsResults>(ServiceId::tlspolicyd, ask, [call](const ipc::TlsResultListing& listing) {
        json::Value next;
        if (!listing.next.empty()) next = listing.next.view();
        call.answer(200, json::Value().set("items", array_of(listing.rows)).set("next", std::move(next)));
    });
}

void show_tls_results(const Call& call) {
    ipc::ListTlsResults ask;
    if (!call.take_parameter(0, ask.domain) || !take_day(call, ask.day)) return;
    ask.domain = ascii_lower(ask.domain.view());
    ask.limit = ipc::max_page;
    call.ask<ipc::ListTlsResults>(ServiceId::tlspolicyd, ask, [call](const ipc::TlsResultListing& listing) {
        call.answer(200, json::Value().set("items", array_of(listing.rows)).set("failures", array_of(listing.failures)));
    });
}

void show_tls_report(const Call& call) { report(call, false, 200); }
void send_tls_report(const Call& call) { report(call, true, 202); }

} // namespace postern::api
