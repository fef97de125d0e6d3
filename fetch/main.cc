// postern-fetch. See README.md and postern-fetch(8).
#include "ipc/daemon.h"

int main() {
    using namespace postern;
    return ipc::run_daemon({.self = ipc::ServiceId::fetch, .prepare = {}, .start = [](ipc::Daemon&) {}});
}
