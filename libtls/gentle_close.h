// Closing a socket with bytes of the peer's unread makes the kernel answer them with a reset, and a reset may overtake the
// last reply (RFC 1122 section 4.2.2.13). So the peer is let finish: what it still sends is read and dropped, for two
// seconds, 256 KiB and a thousand sockets at most; beyond that it is closed as it is.
#pragma once

#include "libcommon/loop.h"
#include "libcommon/owned.h"

namespace postern::tls {

// Our side is ended already (shutdown); takes the descriptor over.
void close_gently(Loop& loop, Fd socket);

} // namespace postern::tls
