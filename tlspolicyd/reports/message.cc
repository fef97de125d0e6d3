#include "tlspolicyd/reports/message.h"

#include "libcommon/text.h"
#include "libmail/date.h"
#include "libmail/field_writer.h"

#include <fmt/format.h>

namespace postern::tlsrpt {
namespace {

// Not of base64, and nobody else's words are in the other part: it cannot occur in either.
constexpr std::string_view boundary = "=_tls-report_=";

std::string base64_lines(std::string_view bytes) {
    constexpr std::size_t octets_a_line = 57;        // 76 characters, RFC 2045 section 6.8
    std::string out;
    for (; !bytes.empty(); bytes.remove_prefix(std::min(octets_a_line, bytes.size())))
        out += to_base64(bytes.substr(0, octets_a_line)) + "\r\n";
    return out;
}

std::string header(const Reporter& reporter, const Stretch& stretch, std::string_view to) {
    const std::string id = "<" + report_id(reporter, stretch) + ">";
    std::string out;
    mail::FieldWriter(out, mail::Wording::ascii)
        .field("Date", mail::format_date({stretch.due, 0}))
        .field("From", reporter.from)
        .field("To", to)
        .field("Subject", fmt::format("Report Domain: {} Submitter: {} Report-ID: {}", stretch.domain, reporter.submitter(), id))
        .field("Message-ID", id)
        .field("TLS-Report-Domain", stretch.domain)
        .field("TLS-Report-Submitter", reporter.submitter())
        .field("TLS-Required", "No")                 // RFC 8689 section 3: it is about TLS that fails, so it goes without
        .field("Auto-Submitted", "auto-generated")   // RFC 3834 section 5
        .field("MIME-Version", "1.0");
    return out + fmt::format("Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n\tboundary=\"{}\"\r\n", boundary);
}

std::string words(const Reporter& reporter, const Stretch& stretch) {
    return fmt::format("This is an aggregate TLS report (RFC 8460) about sessions with the mail hosts of\r\n{}\r\n"
                       "from {}.\r\n\r\nWrite to {} about it.\r\n",
                       stretch.domain, reporter.submitter(), reporter.contact);
}

} // namespace

std::string compose_message(const Reporter& reporter, const Stretch& stretch, std::string_view to, std::string_view compressed) {
    return fmt::format("{0}\r\n"
                       "--{1}\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n{2}\r\n"
                       "--{1}\r\nContent-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n"
                       "Content-Disposition: attachment;\r\n\tfilename=\"{3}\"\r\n\r\n{4}"
                       "--{1}--\r\n",
                       header(reporter, stretch, to), boundary, words(reporter, stretch), file_name(reporter, stretch),
                       base64_lines(compressed));
}

} // namespace postern::tlsrpt
