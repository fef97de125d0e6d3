// qmgr: the spool and its schedule.
#include "ipc/daemon.h"
#include "qmgr/service.h"

#include <csignal>

int main() {
    using namespace postern;
    return ipc::run_daemon({.self = ipc::ServiceId::qmgr,
                            // A broken lease signals its holder, and the signal's default is death.
                            .prepare = [](ipc::Daemon&) { std::signal(SIGIO, SIG_IGN); },
                            .start = [](ipc::Daemon& daemon) { static qmgr::Service service(daemon); }});
}
