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

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line(reinterpret_cast<const char*>(data), size);
    const Parsed parsed = parse_command(line);
    if (parsed.index() != parse_command(line).index()) std::abort();
    if (const auto* bad = std::get_if<BadSyntax>(&parsed)) {
        if (bad->reply.code < 500 || bad->column > size) std::abort();
    } else if (const auto* mail = std::get_if<MailFrom>(&std::get<Command>(parsed))) {
        if (!mail->reverse_path.null) check_mailbox(mail->reverse_path.mailbox);
    } else if (const auto* rcpt = std::get_if<RcptTo>(&std::get<Command>(parsed))) {
        check_mailbox(rcpt->forward_path.mailbox);
    }
    return 0;
}
