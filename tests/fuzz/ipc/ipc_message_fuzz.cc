// Two bytes choose a message of the one list, the rest is its body: whatever decodes encodes to the same bytes.
#include "ipc/all_messages.h"

#include <cstdlib>

using namespace postern;
using namespace postern::ipc;

namespace {
template <Message M> void try_one(std::uint16_t type, std::string_view body) {
    if (static_cast<std::uint16_t>(M::type) != type) return;
    auto message = decode<M>(body);
    if (message && encode(*message) != body) std::abort();
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const auto type = static_cast<std::uint16_t>(data[0] | data[1] << 8);
    const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
    std::apply([&](auto... message) { (try_one<decltype(message)>(type, body), ...); }, AllMessages{});
    return 0;
}
