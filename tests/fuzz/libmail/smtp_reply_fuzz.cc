#include "fuzz.h"
#include "libmail/smtp_reply.h"

using namespace postern::mail;

namespace {

// All replies as they are read in pieces of that many octets, and how it ended.
std::string read_all(std::string_view bytes, std::size_t piece) {
    SmtpReplyReader reader;
    std::string all;
    while (!bytes.empty()) {
        std::size_t taken = 0;
        const auto state = reader.take(bytes.substr(0, piece), taken);
        if (state == SmtpReplyReader::State::malformed) return all + "malformed";
        fuzz_require(taken > 0 && taken <= bytes.size());
        bytes.remove_prefix(taken);
        if (state == SmtpReplyReader::State::incomplete) continue;
        const SmtpReply& reply = reader.reply();
        fuzz_require(reply.code >= 200 && reply.code <= 599 && reply.lines.size() <= SmtpReplyReader::max_lines);
        const std::string text = reply.text();
        fuzz_require(text.size() <= 512);
        for (const char c : text) fuzz_require(c >= 0x20 && c < 0x7F);
        all += text + "\n";
    }
    return all;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes = fuzz_text(data, size);
    fuzz_require(read_all(bytes, 1) == read_all(bytes, bytes.size()));       // however it is cut
    return 0;
}
