#include "fuzz.h"
#include "libmail/next_hop.h"

using namespace postern::mail;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (const auto hop = parse_next_hop(fuzz_text(data, size))) {
        const auto again = parse_next_hop(hop->text());
        fuzz_require(again.ok() && *again == *hop);
        fuzz_require(!hop->host.empty() && !(hop->by_mx && hop->address));
    }
    return 0;
}
