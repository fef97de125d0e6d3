#include "libmail/received_report.h"

#include "libcommon/text.h"
#include "libmail/headers.h"
#include "libmail/mime.h"
#include "libmail/parameters.h"

#include <algorithm>
#include <array>
#include <utility>

namespace postern::mail {
namespace {

constexpr std::size_t max_received = 20;

bool has_type(const Part& part, std::string_view type, std::string_view subtype) {
    const MediaType media = media_type(part);
    return iequals(media.type, type) && iequals(media.subtype, subtype);
}

bool is_report(const Part& root) {
    if (root.kind != Part::Kind::multipart || !has_type(root, "multipart", "report")) return false;
    FieldValue value(root.content_type);
    value.token();
    value.accept('/');
    value.token();
    const Parameters parameters = value.parameters();
    const Parameter* kind = find_parameter(parameters, "report-type");
    return kind && (iequals(kind->value, "delivery-status") || iequals(kind->value, "global-delivery-status"));
}

bool is_status(const Part& part) {
    return has_type(part, "message", "delivery-status") || has_type(part, "message", "global-delivery-status");
}

bool is_returned(const Part& part) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 4> types = {
        {{"message", "rfc822"}, {"text", "rfc822-headers"}, {"message", "global"}, {"message", "global-headers"}}};
    return std::any_of(types.begin(), types.end(), [&](const auto& type) { return has_type(part, type.first, type.second); });
}

// RFC 3464 section 2.1.2: "rfc822; ann@example.org".
std::string without_type(std::string_view body) {
    const std::string text = unfold(body);
    const auto semicolon = text.find(';');
    return std::string(trim(std::string_view(text).substr(semicolon == std::string::npos ? 0 : semicolon + 1)));
}

std::string field(std::string_view block, std::string_view name) {
    const auto found = find_field(block, name);
    return found ? unfold(found->body) : std::string();
}

std::string typed_field(std::string_view block, std::string_view name) {
    const auto found = find_field(block, name);
    return found ? without_type(found->body) : std::string();
}

// Groups of fields with an empty line between: first of the message, then of each recipient (section 2.1).
void read_status(ReceivedReport& report, std::string_view text) {
    bool first = true;
    while (!text.empty() && report.recipients.size() < ReceivedReport::max_recipients) {
        HeaderScanner scanner(text);
        while (scanner.next()) {}
        const std::string_view block = text.substr(0, scanner.header_end());
        text.remove_prefix(std::max<std::size_t>(scanner.body_begin(), 1));
        if (block.empty()) continue;
        if (std::exchange(first, false)) {
            report.reporting_mta = typed_field(block, "Reporting-MTA");
            report.envelope_id = field(block, "Original-Envelope-Id");
            continue;
        }
        std::string address = typed_field(block, "Final-Recipient");
        if (address.empty()) address = typed_field(block, "Original-Recipient");
        report.recipients.push_back({std::move(address), ascii_lower(field(block, "Action")), field(block, "Status"), typed_field(block, "Diagnostic-Code")});
    }
}

void read_returned(ReceivedReport& report, std::string_view header) {
    HeaderScanner scanner(header);
    while (const auto found = scanner.next()) {
        if (report.message_id.empty() && iequals(found->name, "Message-ID")) report.message_id = unfold(found->body);
        if (report.received.size() == max_received || !iequals(found->name, "Received")) continue;
        std::string hop = unfold(found->body);
        std::replace(hop.begin(), hop.end(), '\t', ' ');
        report.received.push_back(std::move(hop));
    }
}

} // namespace

std::optional<ReceivedReport> read_report(std::string_view message) {
    const Structure structure = parse_structure(message);
    if (!is_report(structure.root())) return std::nullopt;
    std::optional<ReceivedReport> report;
    for (PartIndex at = structure.root().first_child; at != no_part; at = structure.parts[at].next_sibling) {
        const Part& part = structure.parts[at];
        if (!report && is_status(part)) read_status(report.emplace(), structure.body(part));
        else if (report && report->message_id.empty() && is_returned(part)) read_returned(*report, structure.body(part));
    }
    return report;
}

} // namespace postern::mail
