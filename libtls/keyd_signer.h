// The Signer of every front: a blocking round trip to keyd on a channel of its own, with a deadline of one second.
#pragma once

#include "ipc/daemon.h"
#include "libtls/context.h"

namespace postern::tls {

Signer keyd_signer(ipc::Daemon& daemon);

} // namespace postern::tls
