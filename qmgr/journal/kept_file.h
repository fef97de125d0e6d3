// deferred/<queue-id> and hold/<queue-id>: one whole message in a write-once file, for messages that outlive their
// segment. Written under a dot-name, flushed, renamed: a file with its final name is complete.
#pragma once

#include "qmgr/journal/record.h"
#include "qmgr/journal/sys.h"

namespace postern::qmgr {

std::string encode_kept(Kept message);
Result<Kept> decode_kept(std::string_view bytes);

// The folder's own flush is left to the caller, who may have written many.
Result<void> write_kept(Sys& sys, int folder, Kept message);
Result<Kept> read_kept(Sys& sys, int folder, const std::string& name);   // Errc::corrupt when it does not check

} // namespace postern::qmgr
