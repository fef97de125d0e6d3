// The Signer of every front: a blocking round trip to keyd on a channel of its own, with a deadline of one second.
#pragma once

#include "ipc/daemon.h"
#include "libtls/context.h"

namespace postern::tls {

Signer keyd_signer(ipc::Daemon& daemon);

// The context of this daemon's certificates (Daemon::materials), or null when it has none.
Result<std::shared_ptr<const Context>> server_context(ipc::Daemon& daemon, std::string_view alpn);

} // namespace postern::tls
