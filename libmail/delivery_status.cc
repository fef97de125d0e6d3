#include "libmail/delivery_status.h"

#include "libcommon/text.h"
#include "libmail/chars.h"
#include "libmail/date.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace postern::mail {
namespace {

bool is_ascii(std::string_view text) { return std::none_of(text.begin(), text.end(), is_eight_bit); }

// RFC 6533 section 3, QCHAR: what stands for itself in utf-8-addr-xtext.
bool is_qchar(char c) { return is_printable(c) && c != ' ' && c != '+' && c != '=' && c != '\\'; }

struct CodePoint {
    char32_t value;
    std::size_t length;
};
// The character at the beginning of `text`, which is UTF-8.
CodePoint code_point(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    if (first < 0x80) return {first, 1};
    const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    char32_t value = first & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) value = value << 6 | (static_cast<unsigned char>(text[i]) & 0x3FU);
    return {value, length};
}

std::string utf8_addr_xtext(std::string_view address) {
    std::string out;
    while (!address.empty()) {
        const CodePoint point = code_point(address);
        if (is_qchar(address.front())) out.push_back(address.front());
        else fmt::format_to(std::back_inserter(out), "\\x{{{:02X}}}", static_cast<std::uint32_t>(point.value));
        address.remove_prefix(point.length);
    }
    return out;
}

// ORCPT is said again as it was (section 2.3.1). In ASCII an address that is none becomes xtext once more.
std::string original_recipient(std::string_view original, Wording wording) {
    const auto semicolon = original.find(';');
    if (semicolon == std::string_view::npos) return {};
    const std::string_view type = original.substr(0, semicolon), address = original.substr(semicolon + 1);
    if (wording == Wording::ascii && !is_ascii(address) && is_utf8(address)) return "utf-8; " + utf8_addr_xtext(address);
    return fmt::format("{}; {}", type, address);
}

std::string date(std::int64_t seconds) { return seconds == 0 ? "" : format_date({seconds, 0}); }

// Section 2.3.6: words that no SMTP server said are of a type of our own.
std::string diagnostic_code(const StatusOfRecipient& r) {
    if (r.diagnostic.empty()) return {};
    return fmt::format("{}; {}", r.remote_mta.empty() ? "x-postern" : "smtp", r.diagnostic);
}

} // namespace

std::string typed_address(std::string_view address, Wording wording) {
    if (is_ascii(address) || !is_utf8(address)) return fmt::format("rfc822; {}", address);
    return "utf-8; " + (wording == Wording::utf8 ? std::string(address) : utf8_addr_xtext(address));
}

std::string status_fields(const StatusOfMessage& message, Wording wording) {
    std::string out;
    FieldWriter(out, wording)
        .field("Original-Envelope-Id", message.envelope_id)
        .field("Reporting-MTA", fmt::format("dns; {}", message.reporting_mta))
        .field("Arrival-Date", date(message.arrived));
    return out;
}

std::string status_fields(const StatusOfRecipient& r, Wording wording) {
    std::string out;
    FieldWriter(out, wording)
        .field("Original-Recipient", original_recipient(r.original, wording))
        .field("Final-Recipient", typed_address(r.final_address, wording))
        .field("Action", r.action)
        .field("Status", r.status)
        .field("Remote-MTA", r.remote_mta.empty() ? "" : fmt::format("dns; {}", r.remote_mta))
        .field("Diagnostic-Code", diagnostic_code(r))
        .field("Last-Attempt-Date", date(r.last_attempt))
        .field("Will-Retry-Until", date(r.retry_until));
    return out;
}

std::string brief_status_fields(const StatusOfRecipient& r, Wording wording) {
    return status_fields(StatusOfRecipient{.original = {}, .final_address = r.final_address, .action = r.action, .status = r.status,
                                           .remote_mta = {}, .diagnostic = {}},
                         wording);
}

} // namespace postern::mail
