// The first byte says what the report is like, a line with the words of others follows, the rest is the message. Whatever they
// are, the report has three parts and legal lines, nothing of theirs is a field of it, and it is the same twice.
#include "delivery/bounce/compose.h"
#include "libcommon/text.h"
#include "libmail/headers.h"
#include "libmail/mime.h"

#include <algorithm>
#include <cstdlib>

using namespace postern;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

ipc::ComposeReport request_of(std::uint8_t flags, std::string_view words, std::string_view message) {
    ipc::ComposeReport request;
    const std::string shorter(words.substr(0, 90));
    request.reverse_path = flags & 1 ? shorter : "";
    request.to = flags & 2 ? "ann@lab.test" : "x" + shorter;
    request.smtputf8 = flags & 4;
    request.ret = flags & 8 ? ipc::DsnReturn::headers : ipc::DsnReturn::full;
    request.envelope_id = shorter;
    request.trace_header = "Received: by us; now\r\n";
    request.body = message;
    ipc::ReportRecipient r;
    r.action = static_cast<ipc::ReportAction>((flags >> 4) % 5);
    r.forward_path = r.address = shorter;
    r.original = "rfc822;" + shorter;
    r.status = shorter.substr(0, 16);
    r.diagnostic = words.substr(0, 512);
    r.remote_mta = flags & 128 ? shorter : "";
    request.recipients.push_back(r);
    return request;
}

// RFC 5322 section 2.1.1, RFC 2045 section 2.
void check_lines(std::string_view message, ipc::BodyKind kind) {
    std::size_t line = 0;
    for (std::size_t i = 0; i < message.size(); ++i) {
        if (message.substr(i, 2) == "\r\n") {
            line = 0;
            ++i;
            continue;
        }
        require(++line <= 998 && message[i] != '\r' && message[i] != '\n' && message[i] != '\0');
        require(kind == ipc::BodyKind::eight_bit || static_cast<unsigned char>(message[i]) < 0x80);
    }
}

void check_header(std::string_view message) {
    constexpr std::string_view ours[] = {"Date", "From", "To", "Subject", "Message-ID", "In-Reply-To", "References",
                                         "Auto-Submitted", "MIME-Version", "Content-Type"};
    mail::HeaderScanner scanner(message);
    while (const auto field = scanner.next())
        require(std::find(std::begin(ours), std::end(ours), field->name) != std::end(ours));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2 || size > 100'000) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto cut = std::min(bytes.find('\xFF'), bytes.size());
    const auto request = request_of(data[0], bytes.substr(0, cut), bytes.substr(std::min(bytes.size(), cut + 1)));
    const bounce::Options options{.hostname = "mx.lab.test", .max_returned = 4096};
    const auto original = bounce::read_original(request, -1, options.max_returned);
    require(original.ok());
    const auto report = bounce::compose(request, *original, options);
    require(report.composed);
    require(bounce::compose(request, *original, options).message == report.message);
    const std::string& message = report.message.value;
    const auto header_end = message.find("\r\n\r\n");
    check_lines(std::string_view(message).substr(header_end), report.body_kind);
    check_lines(std::string_view(message).substr(0, header_end), report.smtputf8 ? ipc::BodyKind::eight_bit : ipc::BodyKind::seven_bit);
    check_header(message);
    const mail::Structure structure = mail::parse_structure(message);
    std::size_t parts = 0;
    for (auto at = structure.root().first_child; at != mail::no_part; at = structure.parts[at].next_sibling) ++parts;
    require(parts == 3);
    return 0;
}
