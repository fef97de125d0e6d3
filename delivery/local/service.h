// Work from qmgr in, requests to mailbox owners out: the only file of `local` that knows channels.
#pragma once

#include "ipc/agent.h"
#include "ipc/daemon.h"
#include "ipc/mailbox.h"
#include "ipc/suppression.h"

#include <memory>

namespace postern::local {

class Service {
  public:
    explicit Service(ipc::Daemon& daemon);

  private:
    struct Job;
    void start(ipc::Incoming<ipc::Deliver> in);
    void store(const std::shared_ptr<Job>& job, const ipc::DeliverRecipient& recipient);
    void tell_policy(const ipc::NoteAddresses& notes);
    void finished(const std::shared_ptr<Job>& job, ipc::RecipientOutcome outcome);

    ipc::Daemon& daemon_;
    std::size_t running_ = 0;
    bool draining_ = false;
};

} // namespace postern::local
