// What names one TLS connection to both its ends and to nobody between them, RFC 5056.
#pragma once

#include "ipc/auth.h"

#include <openssl/ssl.h>

namespace postern::tls {

// Server side, after the handshake.
ipc::ChannelBindings channel_bindings(SSL* ssl);

} // namespace postern::tls
