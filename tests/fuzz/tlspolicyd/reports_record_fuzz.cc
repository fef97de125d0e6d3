// The TXT record of a stranger's domain, whatever stands in it: the targets are bounded, each is found again from what is kept of it, and
// an address can be nothing but an address in a message.
#include "tlspolicyd/reports/record.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

using namespace postern::tlsrpt;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto require = [](bool holds) {
        if (!holds) std::abort();
    };
    const auto is_plain = [](char c) { return c >= ' ' && c < '\x7f'; };
    const auto targets = parse_record(text);
    if (!targets) return 0;
    require(!targets->empty() && targets->size() <= max_targets && choose_record({text}) == targets);
    for (const Target& target : *targets) {
        require(target.uri.size() <= max_uri && parse_target(target.uri) == target);
        require(std::all_of(target.uri.begin(), target.uri.end(), is_plain) && std::all_of(target.mailbox.begin(), target.mailbox.end(), is_plain));
        require(target.mailbox.size() <= 320);
        require(target.mailbox.empty() || target.mailbox.find('@') != std::string::npos);
    }
    return 0;
}
