// CRC-32C (Castagnoli, RFC 3720 appendix B.4): the check of journal batches and side files. Uses the
// processor's instruction where it has one.
#pragma once

#include <cstdint>
#include <string_view>

namespace postern {

// Continues from `seed`, the CRC of what came before; 0 to begin.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t seed = 0);

} // namespace postern
