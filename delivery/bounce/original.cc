#include "delivery/bounce/original.h"

#include "libcommon/file.h"
#include "libcommon/text.h"
#include "libmail/chars.h"
#include "libmail/headers.h"

#include <algorithm>
#include <sys/stat.h>

namespace postern::bounce {
namespace {

// At most `limit` bytes that end with a line; a first line longer than that is cut where it is.
std::string_view whole_lines(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) return text;
    const auto end = text.substr(0, limit).rfind('\n');
    return text.substr(0, end == std::string_view::npos ? limit : end + 1);
}

} // namespace

Original take_original(std::string_view trace_header, std::string_view body, std::uint64_t size, std::uint64_t max_returned) {
    Original original;
    original.size = trace_header.size() + size;
    std::string text(trace_header);
    text += body;
    mail::HeaderScanner scanner(text);
    while (scanner.next()) {}
    const auto header = std::string_view(text).substr(0, scanner.header_end());
    original.header = whole_lines(header, max_header);
    original.header_cut = original.header.size() < header.size();
    if (original.size <= max_returned && text.size() == original.size) original.message = std::move(text);
    return original;
}

Result<Original> read_original(const ipc::ComposeReport& request, int file, std::uint64_t max_returned) {
    const std::string_view trace = request.trace_header;
    if (!request.large) return take_original(trace, request.body, request.body.view().size(), max_returned);
    struct stat info {};
    if (::fstat(file, &info) != 0) return Error::from_errno("look at the message");
    const auto size = static_cast<std::uint64_t>(info.st_size);
    const std::uint64_t wanted = std::max<std::uint64_t>(max_returned, max_header + 1);
    const auto body = read_piece(file, 0, std::min(size, wanted));
    if (!body) return body.error();
    if (body->size() < std::min(size, wanted)) return Error(Errc::corrupt, "the message is shorter than its file was");
    return take_original(trace, *body, size, max_returned);
}

std::string message_id(std::string_view header) {
    constexpr std::size_t longest = 250;              // with "References: " in one line
    const auto field = mail::find_field(header, "Message-ID");
    if (!field) return {};
    std::string id = mail::unfold(field->body);
    const bool plain = id.size() > 2 && id.size() <= longest && id.front() == '<' && id.back() == '>' &&
                       std::all_of(id.begin() + 1, id.end() - 1, [](char c) {
                           return mail::is_printable(c) && c != ' ' && c != '<' && c != '>';
                       });
    return plain ? id : std::string();
}

} // namespace postern::bounce
