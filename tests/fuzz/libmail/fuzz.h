// What the fuzz targets of libmail share.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string_view>

inline std::string_view fuzz_text(const std::uint8_t* data, std::size_t size) {
    return {reinterpret_cast<const char*>(data), size};
}

// A property the input broke: what the fuzzer looks for besides what the sanitizers see.
inline void fuzz_require(bool holds) {
    if (!holds) std::abort();
}
