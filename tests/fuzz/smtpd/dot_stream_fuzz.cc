// The first byte chooses the chunks; the rest is a message. However it is cut the outcome is the same, it ends
// where the first <CRLF>.<CRLF> is, and what was taken without fault has neither a lone CR or LF nor a NUL.
#include "smtpd/dot_stream.h"

#include <cstdlib>
#include <string>

using postern::smtpd::DotStream;

namespace {

struct Outcome {
    std::string message;
    std::size_t taken = 0;
    bool ended = false;
    DotStream::Fault fault = DotStream::Fault::none;
    bool operator==(const Outcome&) const = default;
};
Outcome run(std::string_view bytes, std::size_t chunk) {
    DotStream stream({1 << 16, 998});
    Outcome outcome;
    while (outcome.taken < bytes.size() && !stream.ended())
        outcome.taken += stream.feed(bytes.substr(outcome.taken, chunk), outcome.message);
    outcome.ended = stream.ended();
    outcome.fault = stream.fault();
    if (outcome.fault != DotStream::Fault::none) outcome.message.clear();
    return outcome;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const Outcome whole = run(bytes, size);
    if (!(run(bytes, 1 + data[0] % 16) == whole)) std::abort();

    const auto end = ("\r\n" + std::string(bytes)).find("\r\n.\r\n");
    if (whole.ended != (end != std::string::npos) || (whole.ended && whole.taken != end + 3)) std::abort();
    for (std::size_t i = 0; i < whole.message.size(); ++i) {
        const char c = whole.message[i];
        if (c == '\0' || (c == '\n' && (i == 0 || whole.message[i - 1] != '\r'))) std::abort();
        if (c == '\r' && i + 1 < whole.message.size() && whole.message[i + 1] != '\n') std::abort();
    }
    return 0;
}
