// How a report gets to one target: by POST through fetch (RFC 8460 section 5.4), or as a message through qmgr (section 5.3). Each answers
// once: nothing where it was taken, else why it was not.
#pragma once

#include "ipc/daemon.h"
#include "tlspolicyd/reports/record.h"
#include "tlspolicyd/reports/report.h"

#include <functional>

namespace postern::tlsrpt {

// `how` names the event of a success: the queue id of a message, the status of a POST.
struct Delivered {
    bool taken = false;
    std::string how, reason;
};
void deliver(ipc::Daemon& daemon, const Target& target, const Reporter& reporter, const Stretch& stretch, std::string compressed,
             std::function<void(Delivered)> done);

} // namespace postern::tlsrpt
