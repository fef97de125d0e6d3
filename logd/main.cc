// postern-logd: collects events, owns the log files. See postern-logd(8).
#include "logd/collector.h"

#include <ctime>
#include <memory>

int main() {
    using namespace postern;
    static std::unique_ptr<logd::Collector> collector;
    return ipc::run_daemon({
        .self = ipc::ServiceId::logd,
        .prepare = [](ipc::Daemon&) { ::tzset(); },       // syslog has local times
        .start = [](ipc::Daemon& daemon) { collector = std::make_unique<logd::Collector>(daemon); },
    });
}
