// Side files lie in folders other tools write to.
#include "libstore/side_file.h"

#include <cstdlib>

using namespace postern::store;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const SideFile side = parse_side_file({reinterpret_cast<const char*>(data), size});
    for (const auto& [base, message] : side.messages) {
        const SideFile again = parse_side_file(side_line(message, base));
        if (again.messages.size() != 1 || !(again.messages.begin()->second == message)) std::abort();
    }
    if (side.mailbox) {
        const SideFile again = parse_side_file(side_line(*side.mailbox));
        if (!again.mailbox || !(*again.mailbox == *side.mailbox)) std::abort();
    }
    return 0;
}
