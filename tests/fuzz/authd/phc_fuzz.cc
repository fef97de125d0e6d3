// A stored hash may come from an import: what parses is in bounds and prints back as it was.
#include "authd/any_hash.h"

#include <cstdlib>

using namespace postern::authd;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (auto any = parse_hash(without_scheme(text)); any && std::holds_alternative<CryptHash>(*any))
        if (text.find(std::get<CryptHash>(*any).text) == text.npos) std::abort();
    const auto hash = parse_phc(text);
    if (!hash) return 0;
    if (hash->cost.memory_kib > limits::memory_kib || hash->cost.passes > limits::passes) std::abort();
    if (to_phc(*hash) != text) std::abort();
    return 0;
}
