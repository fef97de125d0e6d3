// postern-bounce. See README.md and postern-bounce(8).
#include "ipc/daemon.h"

int main() {
    using namespace postern;
    return ipc::run_daemon({.self = ipc::ServiceId::bounce, .prepare = {}, .start = [](ipc::Daemon&) {}});
}
