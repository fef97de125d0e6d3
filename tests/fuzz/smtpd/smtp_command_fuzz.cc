// Any line: parsed twice it means the same, and what a path holds can be written and read again.
#include "smtpd/command.h"

#include <cstdlib>

using namespace postern;
using namespace postern::smtpd;

namespace {

void check_mailbox(const mail::Mailbox& mailbox) {
    const std::string text = mailbox.text();
    if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) std::abort();
    if (mailbox.domain.empty()) return;                          // <Postmaster>
    const auto again = mail::parse_mailbox(text);
    if (!again || !(*again == mailbox)) std::abort();
}

// Goes into the header lines of a report.
void check_report_text(const std::string& text, std::size_t most) {
    if (text.size() > most || text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    const Parsed parsed = parse_command(line);
    if (parsed.index() != parse_command(line).index()) std::abort();
    if (const auto* bad = std::get_if<BadSyntax>(&parsed)) {
        if (bad->reply.code < 500 || bad->column > size) std::abort();
    } else if (const auto* mail = std::get_if<MailFrom>(&std::get<Command>(parsed))) {
        if (!mail->reverse_path.null) check_mailbox(mail->reverse_path.mailbox);
        check_report_text(mail->envelope_id, ipc::EnvelopeId::limit);
        if (mail->hold_for && (mail->hold_until || *mail->hold_for < 0 || *mail->hold_for > 999'999'999)) std::abort();
    } else if (const auto* rcpt = std::get_if<RcptTo>(&std::get<Command>(parsed))) {
        check_mailbox(rcpt->forward_path.mailbox);
        check_report_text(rcpt->original, ipc::OriginalRecipient::limit);
        if ((rcpt->notify & ipc::notify::never) && rcpt->notify != ipc::notify::never) std::abort();
    }
    return 0;
}
