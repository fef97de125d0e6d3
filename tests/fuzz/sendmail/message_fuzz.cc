// Any bytes on standard input: a message of whole lines with a header and an empty line comes of them, and no recipient can be more
// than an address in a command.
#include "sendmail/client.h"
#include "sendmail/message.h"

#include <cstdlib>

using namespace postern::sendmail;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

bool has_whole_lines(std::string_view text) {
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) return false;
        if (text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n')) return false;
    }
    return text.empty() || text.ends_with("\r\n");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto lines = normal_lines(input, data[0] % 2);
    require(lines.ok() == (input.find('\0') == std::string_view::npos));
    if (!lines) return 0;
    require(has_whole_lines(*lines));
    const Message message = prepare(*lines, "host.example", data[0] % 4 == 0 ? "A Name" : "", "me@host.example");
    require(has_whole_lines(message.text));
    require(message.text.starts_with("\r\n") || message.text.find("\r\n\r\n") != std::string::npos);
    for (const std::string& recipient : message.recipients) require(recipient.find_first_of("\r\n") == std::string::npos);
    require(dot_stuffed(message.text).find("\r\n.\r\n") == std::string::npos);
    return 0;
}
