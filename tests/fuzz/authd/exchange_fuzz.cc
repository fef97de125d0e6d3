// Any responses to an exchange, a line each; the first byte says which mechanism and what the connection can be bound to.
// Whatever is said: who does not know the password proves nothing, and a message is taken apart without a byte lost.
#include "authd/cram_md5.h"
#include "authd/scram.h"
#include "libcommon/text.h"

#include <cstdlib>
#include <memory>

using namespace postern;
using namespace postern::authd;

namespace {

std::unique_ptr<Exchange> exchange(unsigned which) {
    static const ScramVerifier scram = make_scram("a password no input holds", "salt", 1);
    static const CramVerifier cram = make_cram("a password no input holds");
    const ipc::ChannelBindings bindings{(which & 4) != 0 ? "exported" : "", (which & 8) != 0 ? "certificate" : ""};
    if ((which & 1) != 0) return std::make_unique<CramExchange>("<1@host>", [](std::string_view) { return Result<CramVerifier>(cram); });
    return std::make_unique<ScramExchange>((which & 2) != 0, bindings, "nonce", [](std::string_view name, std::string_view) {
        if (name.empty() || !is_utf8(name)) std::abort();
        return Result<ScramVerifier>(scram);
    });
}

void check_parts(std::string_view message) {
    if (const auto first = parse_scram_first(message))
        if (std::string(first->header).append(first->bare) != message) std::abort();
    if (const auto final = parse_scram_final(message))
        if (!message.starts_with(final->without_proof)) std::abort();
    if (const auto stored = parse_cram(message); stored && to_text(*stored) != ascii_lower(message).replace(0, 8, "CRAM-MD5")) std::abort();
    if (const auto stored = parse_scram(message); stored && !(*parse_scram(to_text(*stored)) == *stored)) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto running = exchange(data[0]);
    for (const auto line : split({reinterpret_cast<const char*>(data) + 1, size - 1}, '\n')) {
        check_parts(line);
        const auto step = running->respond(line);
        if (std::holds_alternative<Exchange::Proven>(step)) std::abort();
        if (!std::holds_alternative<Exchange::Challenge>(step)) break;
    }
    return 0;
}
