// fetch as a service: requests of other processes in, the web's answers out. The only file that knows channels.
#pragma once

#include "fetch/request.h"
#include "ipc/daemon.h"

namespace postern::fetch {

// What needs the system calls that end with confinement.
struct Prepared {
    std::unique_ptr<Web> web;
};
Prepared prepare(ipc::Daemon& daemon);

class Service {
  public:
    Service(ipc::Daemon& daemon, Prepared prepared);

  private:
    void configure();
    void start(const ipc::Incoming<ipc::HttpRequest>& in);
    void ended();

    ipc::Daemon& daemon_;
    std::unique_ptr<Web> web_;
    Rules rules_;
    std::size_t max_requests_ = 0, running_ = 0;
    bool draining_ = false;
};

} // namespace postern::fetch
