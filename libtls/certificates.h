// A front's certificates: what it shows, taken anew at each reload, and watched for their end.
#pragma once

#include "ipc/daemon.h"
#include "libtls/context.h"

#include <memory>
#include <string>
#include <string_view>

namespace postern::tls {

class Certificates {
  public:
    // `section` says which default certificate it is ("smtp", "imap", "api"), `alpn` which protocol is spoken.
    Certificates(ipc::Daemon& daemon, std::string_view section, std::string_view alpn);

    // Of what master gave last; null when it gave none. An error: none of it can be used.
    Result<std::shared_ptr<const Context>> load();

  private:
    void look_at_ends();

    ipc::Daemon& daemon_;
    const std::string section_, alpn_;
    Signer signer_;
    std::weak_ptr<const Context> current_;
    std::string made_of_;                // a digest of its certificates
    Timer daily_;
};

// Those of all that a section shows, its default first: its own tls_cert, or for IMAP that of SMTP; behind it those of
// tls.certificates, in order of their names. The API shows none without a default: it is plain HTTP on loopback then.
std::vector<Certificate> shown_by(std::string_view section, const std::vector<ipc::Bundled>& all);

} // namespace postern::tls
