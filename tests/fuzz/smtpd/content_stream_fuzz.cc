// The first byte chooses the chunks; the rest is a message. However it is cut the outcome is the same; behind DATA it
// ends where the first <CRLF>.<CRLF> is; and what was taken without fault has neither a lone CR or LF nor a NUL, unless
// it is binary, which comes out as it went in. Normalized, the same octets end it.
#include "smtpd/content_stream.h"

#include <cstdlib>
#include <string>

using postern::smtpd::ContentStream;
using postern::smtpd::LineEnds;

namespace {

struct Outcome {
    std::string message;
    std::size_t taken = 0;
    bool ended = false;
    ContentStream::Fault fault = ContentStream::Fault::none;
    bool operator==(const Outcome&) const = default;
};
using Framing = ContentStream::Framing;
Outcome run(Framing framing, std::string_view bytes, std::size_t chunk, LineEnds lone = LineEnds::refuse) {
    ContentStream stream(framing, {1 << 16, 998, lone});
    Outcome outcome;
    while (outcome.taken < bytes.size() && !stream.ended())
        outcome.taken += stream.feed(bytes.substr(outcome.taken, chunk), outcome.message);
    outcome.ended = stream.ended();
    if (framing != Framing::dots) stream.finish(outcome.message);
    outcome.fault = stream.fault();
    if (outcome.fault != ContentStream::Fault::none) outcome.message.clear();
    return outcome;
}

void check_lines(std::string_view message) {
    for (std::size_t i = 0; i < message.size(); ++i) {
        const char c = message[i];
        if (c == '\0' || (c == '\n' && (i == 0 || message[i - 1] != '\r'))) std::abort();
        if (c == '\r' && i + 1 < message.size() && message[i + 1] != '\n') std::abort();
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    for (const Framing framing : {Framing::dots, Framing::chunks, Framing::binary}) {
        const Outcome whole = run(framing, bytes, size);
        if (!(run(framing, bytes, 1 + data[0] % 16) == whole)) std::abort();
        if (framing != Framing::binary) check_lines(whole.message);
        if (framing != Framing::dots && whole.fault == ContentStream::Fault::none && whole.message != bytes) std::abort();
        if (framing == Framing::binary && bytes.size() <= 1 << 16 && whole.fault != ContentStream::Fault::none) std::abort();
        const Outcome normalized = run(framing, bytes, size, LineEnds::normalize);
        if (!(run(framing, bytes, 1 + data[0] % 16, LineEnds::normalize) == normalized)) std::abort();
        if (normalized.ended != whole.ended || normalized.taken != whole.taken) std::abort();
        if (whole.fault == ContentStream::Fault::none && normalized.message != whole.message) std::abort();
        if (framing != Framing::binary) check_lines(normalized.message);
        if (framing != Framing::dots) continue;
        const auto end = ("\r\n" + std::string(bytes)).find("\r\n.\r\n");
        if (whole.ended != (end != std::string::npos) || (whole.ended && whole.taken != end + 3)) std::abort();
    }
    return 0;
}
