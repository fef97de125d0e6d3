// Any lines of a client, and an authd that answers anything. The first byte says which mechanism; of each further line the
// first says whether authd answers before it. Whatever happens: a question fits its message, and what goes to the client is base64.
#include "libsasl/conversation.h"

#include "libcommon/text.h"

#include <cstdlib>

using namespace postern;
using namespace postern::sasl;

namespace {

bool goes_on(const Conversation::Step& step) {
    if (const auto* say = std::get_if<Conversation::Say>(&step)) {
        if (!from_base64(say->base64)) std::abort();
        return true;
    }
    if (const auto* login = std::get_if<ipc::Login>(&step)) {
        if (login->username.empty() || login->password.empty() || !decode<ipc::Login>(encode(*login))) std::abort();
        return false;
    }
    if (const auto* start = std::get_if<ipc::SaslStart>(&step)) return decode<ipc::SaslStart>(encode(*start)).ok();
    if (const auto* next = std::get_if<ipc::SaslStep>(&step)) return decode<ipc::SaslStep>(encode(*next)).ok();
    return false;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    Conversation conversation(mechanisms()[data[0] % mechanisms().size()], {TraceId{1}, ipc::Protocol::imap, "192.0.2.1", {}});
    bool first = true;
    for (const auto line : split({reinterpret_cast<const char*>(data) + 1, size - 1}, '\n')) {
        if (!line.empty() && (line[0] & 1) != 0 && !first) {
            const auto state = static_cast<ipc::SaslState>(static_cast<unsigned char>(line[0]) / 2 % 3);
            if (!goes_on(conversation.on_reply({state, 7, line.substr(0, 1024), {}, {}}))) break;
        }
        const auto rest = line.substr(line.empty() ? 0 : 1);
        if (!goes_on(first ? conversation.begin(rest) : conversation.on_line(rest))) break;
        first = false;
    }
    if (const auto abort = conversation.abort(); abort && abort->attempt != 7) std::abort();
    return 0;
}
