// What FETCH and SEARCH read of a message's file, no more than they need.
#pragma once

#include "libmail/section.h"
#include "libstore/store.h"

#include <string>

namespace postern::imapd {

// The bytes from `offset`; shorter only at the end of the file or on an error.
std::string read_range(const Fd& file, std::uint64_t offset, std::uint64_t length);

// The header with its empty line: read in growing steps, the body stays on disk.
std::string read_header(const store::Body& body);

inline std::string read_whole(const store::Body& body) { return read_range(body.file, 0, body.size); }

// Everything the index may keep of a message, computed from its bytes.
store::Cached make_texts(std::string_view message);

// The header fields kept in Cached::header; a search in others reads the file.
bool is_cached_field(std::string_view name);

} // namespace postern::imapd
