#include "delivery/local/returned.h"

#include "libcommon/counters.h"
#include "libcommon/file.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

#include <algorithm>
#include <array>

namespace postern::local {
namespace {

// RFC 3464 section 2.3.3; what says something else counts as the last.
constexpr std::array<std::string_view, 6> actions = {"failed", "delayed", "delivered", "relayed", "expanded", "other"};
// What is said of recipients, and the Received fields of what is returned, come before the rest of a report.
constexpr std::size_t decisive = 256 * 1024;

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

std::optional<ipc::AddressNote> note_of(const QueueId& about, const mail::ReceivedReport& report, const mail::ReceivedReport::Recipient& recipient) {
    ipc::AddressNote note;
    if (recipient.action != "failed" || !ipc::is_refused_address(recipient.status)) return std::nullopt;
    if (recipient.address.size() > decltype(note.address)::limit) return std::nullopt;
    note.id = about;
    note.address = recipient.address;
    note.refused = true;
    note.code = recipient.status;
    note.host = printable(report.reporting_mta, decltype(note.host)::limit).substr(0, decltype(note.host)::limit);
    note.reply = printable(recipient.diagnostic, decltype(note.reply)::limit).substr(0, decltype(note.reply)::limit);
    return note;
}

} // namespace

std::optional<QueueId> queue_id_of(const mail::ReceivedReport& report, std::string_view hostname) {
    for (const std::string& field : report.received) {
        if (!iequals(word_after(field, "by"), hostname)) continue;
        if (const auto id = QueueId::parse(word_after(field, "id"))) return *id;
    }
    return std::nullopt;
}

ipc::NoteAddresses tell_returned(const ipc::Deliver& message, const Fd& large, std::string_view hostname) {
    ipc::NoteAddresses notes;
    if (!message.reverse_path.empty()) return notes;
    const auto beginning = message.large ? read_piece(large.get(), 0, decisive) : Result<std::string>(std::string());
    if (!beginning) {
        log::warning("report.unread", {{"session", message.trace.text()}, {"report", message.id.text()}, {"error", beginning.error().message()}});
        return notes;
    }
    const auto report = mail::read_report(message.large ? std::string_view(*beginning) : message.body.view());
    if (!report || iequals(report->reporting_mta, hostname)) return notes;
    const auto about = queue_id_of(*report, hostname);
    for (const auto& recipient : report->recipients) {
        counters[place_of(recipient.action)].add();
        log::info("report.received", {{"session", message.trace.text()}, {"queue", about ? about->text() : ""},
                                      {"report", message.id.text()}, {"message_id", printable(report->message_id)},
                                      {"rcpt", printable(recipient.address)}, {"action", printable(recipient.action)},
                                      {"code", printable(recipient.status)}, {"host", printable(report->reporting_mta)},
                                      {"reply", printable(recipient.diagnostic, 400)}});
        if (!about) continue;
        if (auto note = note_of(*about, *report, recipient)) notes.notes.push_back(std::move(*note));
    }
    return notes;
}

} // namespace postern::local
