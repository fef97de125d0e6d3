// A delivery report as a whole message: multipart/report (RFC 6522) of words for people, fields for programs (RFC 3464), and
// the message or its header. Pure, and the same bytes for the same request: after a crash the queue asks again, and whoever
// was told already recognises the Message-ID.
#pragma once

#include "delivery/bounce/config.h"
#include "delivery/bounce/original.h"
#include "ipc/report.h"

namespace postern::bounce {

ipc::ComposedReport compose(const ipc::ComposeReport& request, const Original& original, const Options& options);

// RFC 3461 section 4.3: the message comes back with a failure unless its sender wants the header only; with everything else
// the header does.
bool wants_whole(const ipc::ComposeReport& request);

} // namespace postern::bounce
