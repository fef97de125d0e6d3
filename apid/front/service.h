// api-front: HTTP from the network. Today health and metrics; the user API arrives behind it.
#pragma once

#include "apid/http/server.h"
#include "ipc/daemon.h"
#include "libtls/certificates.h"

namespace postern::api {

class FrontService {
  public:
    explicit FrontService(ipc::Daemon& daemon);

  private:
    Result<void> listen();
    http::Response answer(const http::Request& request, std::string_view& endpoint);

    ipc::Daemon& daemon_;
    tls::Certificates certificates_;
    http::Server server_;
};

} // namespace postern::api
