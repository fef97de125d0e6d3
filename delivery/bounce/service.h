// Requests of qmgr in, composed reports out: the only file of bounce that knows channels.
#pragma once

#include "delivery/bounce/config.h"
#include "ipc/daemon.h"
#include "ipc/report.h"

namespace postern::bounce {

class Service {
  public:
    explicit Service(ipc::Daemon& daemon);

  private:
    ipc::ComposedReport answer(const ipc::ComposeReport& request, const Fd& body) const;

    Options options_;
};

} // namespace postern::bounce
