// postern-resolvd. See README.md and postern-resolvd(8).
#include "ipc/daemon.h"

int main() {
    using namespace postern;
    return ipc::run_daemon({.self = ipc::ServiceId::resolvd, .prepare = {}, .start = [](ipc::Daemon&) {}});
}
