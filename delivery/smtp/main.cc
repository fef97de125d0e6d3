// postern-smtp-out. See README.md and postern-smtp-out(8).
#include "ipc/daemon.h"

int main() {
    using namespace postern;
    return ipc::run_daemon({.self = ipc::ServiceId::smtp_out, .prepare = {}, .start = [](ipc::Daemon&) {}});
}
