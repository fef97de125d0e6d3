#include "delivery/bounce/compose.h"

#include "delivery/bounce/part.h"
#include "delivery/bounce/wording.h"
#include "libcommon/crc32c.h"
#include "libmail/chars.h"
#include "libmail/date.h"
#include "libmail/delivery_status.h"

#include <fmt/format.h>

#include <algorithm>

namespace postern::bounce {
namespace {

// What the machine's part may take, so that all three fit into one frame. It is enough for a thousand recipients of ordinary
// addresses with what servers say; beyond it each says only what it must.
constexpr std::size_t max_status = 256 * 1024;

bool is_ascii(std::string_view text) { return std::none_of(text.begin(), text.end(), mail::is_eight_bit); }

// RFC 3463 section 2: what is none would make the whole report one that programs pass over.
std::string_view status_of(const ipc::ReportRecipient& r) {
    const std::string_view status = r.status;
    const bool whole = status.size() >= 5 && (status[0] == '2' || status[0] == '4' || status[0] == '5') && status[1] == '.' &&
                       mail::is_digit(status.back()) && std::count(status.begin(), status.end(), '.') == 2 &&
                       status.find("..") == std::string_view::npos &&
                       std::all_of(status.begin(), status.end(), [](char c) { return mail::is_digit(c) || c == '.'; });
    if (whole) return status;
    return r.action == ipc::ReportAction::failed ? "5.0.0" : r.action == ipc::ReportAction::delayed ? "4.0.0" : "2.0.0";
}

mail::StatusOfRecipient status_of_recipient(const ipc::ReportRecipient& r) {
    const bool troubled = r.action == ipc::ReportAction::failed || r.action == ipc::ReportAction::delayed;
    return {.original = r.original,
            .final_address = r.address.empty() ? r.forward_path : r.address,
            .action = to_string(r.action),
            .status = status_of(r),
            .remote_mta = r.remote_mta,
            .diagnostic = troubled ? r.diagnostic.view() : std::string_view(),
            .last_attempt = r.last_attempt,
            .retry_until = r.action == ipc::ReportAction::delayed ? r.retry_until : 0};
}

struct Status {
    std::string fields;
    std::size_t unlisted = 0;
};
Status machine_fields(const ipc::ComposeReport& request, const Options& options, mail::Wording wording) {
    const std::string head = status_fields(
        mail::StatusOfMessage{options.hostname, request.envelope_id, request.arrived}, wording);
    for (const auto write : {mail::status_fields, mail::brief_status_fields}) {
        Status status{head, 0};
        for (const ipc::ReportRecipient& r : request.recipients) {
            const std::string group = "\r\n" + write(status_of_recipient(r), wording);
            if (status.fields.size() + group.size() <= max_status) status.fields += group;
            else ++status.unlisted;
        }
        if (status.unlisted == 0 || write == mail::brief_status_fields) return status;
    }
    return {};
}

// Reports about one message differ in whom they are about and when: one that is asked for again is the same.
std::string report_name(const ipc::ComposeReport& request) {
    std::uint32_t sum = 0;
    for (const ipc::ReportRecipient& r : request.recipients)
        sum = crc32c(fmt::format("{}\n{}\n{}\n{}\n", r.forward_path.view(), r.address.view(), to_string(r.action), r.last_attempt), sum);
    return fmt::format("{}.{}.{:08x}", request.id.text(), to_string(kind_of(request)), sum);
}

// Queue ids can be guessed, and what comes back is a stranger's: a boundary that occurs in it is not used.
std::string boundary_for(const std::string& name, const std::vector<std::string>& parts) {
    for (unsigned attempt = 0;; ++attempt) {
        std::string boundary = fmt::format("{}={}", name, attempt);
        const auto holds = [&](const std::string& part) { return part.find("--" + boundary) != std::string::npos; };
        if (std::none_of(parts.begin(), parts.end(), holds)) return boundary;
    }
}

// The time of what is reported, not of the reporting: a repeated report has the same Date.
std::int64_t time_of(const ipc::ComposeReport& request) {
    std::int64_t time = request.arrived;
    for (const ipc::ReportRecipient& r : request.recipients) time = std::max(time, r.last_attempt);
    return time;
}

std::string header(const ipc::ComposeReport& request, const Options& options, const std::string& name, const std::string& about,
                   Way way) {
    std::string out;
    mail::FieldWriter(out, way == Way::utf8 ? mail::Wording::utf8 : mail::Wording::ascii)
        .field("Date", mail::format_date({time_of(request), 0}))
        .field("From", fmt::format("Mail Delivery System <MAILER-DAEMON@{}>", options.hostname))
        .field("To", request.to.view())
        .field("Subject", subject(request))
        .field("Message-ID", fmt::format("<{}@{}>", name, options.hostname))
        .field("In-Reply-To", about)                                  // RFC 3834 section 3.1.5
        .field("References", about)
        .field("Auto-Submitted", "auto-replied")                      // RFC 3834 section 5
        .field("MIME-Version", "1.0");
    return out;
}

std::string_view returned_name(const Part& part, const Original& original) {
    if (!part.type.ends_with("headers")) return "the message";
    return original.header_cut ? "the beginning of the header of the message" : "the header of the message";
}

} // namespace

bool wants_whole(const ipc::ComposeReport& request) {
    return kind_of(request) == Kind::failed && request.ret != ipc::DsnReturn::headers;
}

ipc::ComposedReport compose(const ipc::ComposeReport& request, const Original& original, const Options& options) {
    ipc::ComposedReport report;
    if (request.to.empty() || request.recipients.empty()) {
        report.reason = "a report needs somebody to tell and somebody to tell about";
        return report;
    }
    const Way way = is_ascii(request.to.view()) ? Way::ascii : Way::utf8;
    const mail::Wording wording = way == Way::utf8 ? mail::Wording::utf8 : mail::Wording::ascii;
    Status status = machine_fields(request, options, wording);
    const Part returned = returned_part(original, wants_whole(request), request.smtputf8, way);
    const Circumstances circumstances{options.hostname, returned_name(returned, original), status.unlisted};
    const std::vector<std::string> parts{human_part(explanation(request, circumstances), way).text(),
                                         status_part(std::move(status.fields), way).text(), returned.text()};

    const std::string name = report_name(request);
    const std::string boundary = boundary_for(name, parts);
    std::string body;
    for (const std::string& part : parts) body += fmt::format("--{}\r\n{}\r\n", boundary, part);
    body += fmt::format("--{}--\r\n", boundary);

    report.composed = true;
    report.smtputf8 = way == Way::utf8;
    report.body_kind = is_ascii(body) ? ipc::BodyKind::seven_bit : ipc::BodyKind::eight_bit;
    report.message = header(request, options, name, message_id(original.header), way) +
                     fmt::format("Content-Type: multipart/report; report-type={};\r\n\tboundary=\"{}\"\r\n\r\n{}",
                                 way == Way::utf8 ? "global-delivery-status" : "delivery-status", boundary, body);
    return report;
}

} // namespace postern::bounce
