// resolvd as a service: its configuration in, questions of the other processes answered. The only file that knows channels.
#pragma once

#include "ipc/daemon.h"
#include "resolvd/resolver.h"

namespace postern::dns {

class Service {
  public:
    explicit Service(ipc::Daemon& daemon);

  private:
    void configure();
    std::vector<Server> servers() const;
    void answer(const ipc::Incoming<ipc::DnsQuery>& in);
    void show_numbers();

    ipc::Daemon& daemon_;
    Resolver resolver_;
    Timer numbers_;
};

} // namespace postern::dns
