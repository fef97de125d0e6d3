// An OpenSSL 3 provider whose private keys are elsewhere: a key is the public half of a certificate and the name
// under which keyd knows the private one. It signs for TLS and does nothing else: no decryption, no export of
// what it does not have.
#pragma once

#include "ipc/keys.h"
#include "libcommon/owned.h"
#include "libtls/context.h"

#include <openssl/evp.h>

namespace postern::tls {

using PublicKey = Owned<EVP_PKEY, EVP_PKEY_free>;

// A key for SSL_CTX_use_PrivateKey that signs by `signer`. `public_key` is the certificate's.
Result<PublicKey> remote_key(EVP_PKEY* public_key, const ipc::KeyName& name, Signer signer);

} // namespace postern::tls
