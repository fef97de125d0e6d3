// Reading an open file at a place, whoever else holds the same descriptor: its own position is not touched.
#pragma once

#include "libcommon/result.h"

#include <cstdint>
#include <string>

namespace postern {

// Up to `length` bytes from `offset` on, fewer where the file ends before.
Result<std::string> read_piece(int file, std::uint64_t offset, std::size_t length);

} // namespace postern
