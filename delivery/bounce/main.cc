// postern-bounce. See README.md and postern-bounce(8).
#include "delivery/bounce/service.h"

#include <memory>

int main() {
    using namespace postern;
    static std::unique_ptr<bounce::Service> service;
    return ipc::run_daemon({
        .self = ipc::ServiceId::bounce,
        .prepare = {},
        .start = [](ipc::Daemon& daemon) { service = std::make_unique<bounce::Service>(daemon); },
    });
}
