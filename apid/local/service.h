// api-local: the management API on api.sock, for mailctl and whoever else root lets in.
#pragma once

#include "apid/http/router.h"
#include "apid/http/server.h"
#include "apid/local/access.h"
#include "ipc/daemon.h"

namespace postern::api {

class LocalService {
  public:
    LocalService(ipc::Daemon& daemon, Access access);

  private:
    void listen();
    bool admit(int socket, http::Caller& caller) const;
    void handle(http::Request request, const http::Caller& caller, http::Respond respond);

    ipc::Daemon& daemon_;
    Access access_;
    std::vector<http::RoutePattern> patterns_;
    http::Server server_;
};

} // namespace postern::api
