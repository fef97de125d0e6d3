#include "delivery/local/returned.h"

#include "libcommon/counters.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

#include <algorithm>
#include <array>

namespace postern::local {
namespace {

// RFC 3464 section 2.3.3; what says something else counts as the last.
constexpr std::array<std::string_view, 6> actions = {"failed", "delayed", "delivered", "relayed", "expanded", "other"};
constexpr std::string_view help = "Recipients that reports of other hosts speak of";
std::array<Counter, actions.size()> counters = {{{"reports_received_total", "action=\"failed\"", help},
                                                 {"reports_received_total", "action=\"delayed\"", help},
                                                 {"reports_received_total", "action=\"delivered\"", help},
                                                 {"reports_received_total", "action=\"relayed\"", help},
                                                 {"reports_received_total", "action=\"expanded\"", help},
                                                 {"reports_received_total", "action=\"other\"", help}}};

std::size_t place_of(std::string_view action) {
    const auto at = std::find(actions.begin(), actions.end() - 1, action);
    return static_cast<std::size_t>(at - actions.begin());
}

// The word behind `name` in a Received field: "by host", "id number".
std::string_view word_after(std::string_view field, std::string_view name) {
    const std::string sought = " " + std::string(name) + " ";
    const auto at = field.find(sought);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = field.substr(at + sought.size());
    return rest.substr(0, rest.find_first_of(" ;"));
}

} // namespace

std::optional<QueueId> queue_id_of(const mail::ReceivedReport& report, std::string_view hostname) {
    for (const std::string& field : report.received) {
        if (!iequals(word_after(field, "by"), hostname)) continue;
        if (const auto id = QueueId::parse(word_after(field, "id"))) return *id;
    }
    return std::nullopt;
}

void tell_returned(const ipc::Deliver& message, std::string_view hostname) {
    if (!message.reverse_path.empty() || message.large) return;
    const auto report = mail::read_report(message.body.view());
    if (!report || iequals(report->reporting_mta, hostname)) return;
    const auto about = queue_id_of(*report, hostname);
    for (const auto& recipient : report->recipients) {
        counters[place_of(recipient.action)].add();
        log::info("report.received", {{"session", message.trace.text()}, {"queue", about ? about->text() : ""},
                                      {"report", message.id.text()}, {"message_id", printable(report->message_id)},
                                      {"rcpt", printable(recipient.address)}, {"action", printable(recipient.action)},
                                      {"code", printable(recipient.status)}, {"host", printable(report->reporting_mta)},
                                      {"reply", printable(recipient.diagnostic, 400)}});
    }
}

} // namespace postern::local
