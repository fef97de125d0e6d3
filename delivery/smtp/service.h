// Work from qmgr in, deliveries, results out: the only file of smtp-out that knows channels.
#pragma once

#include "delivery/smtp/delivery.h"
#include "ipc/daemon.h"

#include <memory>
#include <set>

namespace postern::smtp_out {

// What needs the system calls that end with confinement.
struct Prepared {
    std::vector<IpAddress> interfaces;
};
Prepared prepare();

class Service {
  public:
    Service(ipc::Daemon& daemon, Prepared prepared);

  private:
    void configure();
    void read_files(std::vector<std::string>& faults);
    void ask_policy(const std::string& domain, std::function<void(std::optional<ipc::TlsPolicy>)> done);
    void ask_suppressed(const ipc::CheckAddresses& question, std::function<void(const ipc::AddressVerdicts&)> done);
    void start(ipc::Incoming<ipc::Deliver> in);
    void ended(const std::shared_ptr<Delivery>& delivery);
    void drain();
    void leave();

    ipc::Daemon& daemon_;
    Prepared prepared_;
    Settings settings_;
    Ourselves ourselves_;
    Pool pool_;
    Chance chance_;
    TlsTally tally_;
    AddressNotes notes_;
    Surroundings around_;
    std::set<std::shared_ptr<Delivery>> running_;
    Timer patience_;                     // of a drain
    bool draining_ = false;
};

} // namespace postern::smtp_out
