// postern-tlspolicyd. See README.md and postern-tlspolicyd(8).
#include "ipc/daemon.h"

int main() {
    using namespace postern;
    return ipc::run_daemon({.self = ipc::ServiceId::tlspolicyd, .prepare = {}, .start = [](ipc::Daemon&) {}});
}
