// postern-local: local delivery. See README.md and postern-local(8).
#include "delivery/local/service.h"

#include <memory>

int main() {
    using namespace postern;
    static std::unique_ptr<local::Service> service;
    return ipc::run_daemon({
        .self = ipc::ServiceId::local,
        .prepare = {},
        .start = [](ipc::Daemon& daemon) { service = std::make_unique<local::Service>(daemon); },
    });
}
