// The private keys and what may be done with them: sign what TLS needs signed. They never leave this process.
#pragma once

#include "ipc/keys.h"
#include "libcommon/owned.h"
#include "libcommon/result.h"

#include <map>
#include <openssl/evp.h>
#include <string>
#include <string_view>

namespace postern::keyd {

using PrivateKey = Owned<EVP_PKEY, EVP_PKEY_free>;

class KeyRing {
  public:
    // Takes a PEM private key in; the text is wiped from memory before this returns. The name is the key's.
    Result<ipc::KeyName> add(std::string& pem);

    // RSA under 2048 bits and a scheme that does not fit the key are refused; an input that is not exactly one
    // digest of the scheme's hash likewise (Ed25519 takes the message).
    ipc::Signature sign(const ipc::Sign& request) const;

    std::size_t size() const { return keys_.size(); }

  private:
    std::map<ipc::KeyName, PrivateKey> keys_;
};

} // namespace postern::keyd
