// postern-fetch: the only HTTP client. See README.md and postern-fetch(8).
#include "fetch/service.h"

int main() {
    using namespace postern;
    static fetch::Prepared prepared;
    static std::unique_ptr<fetch::Service> service;
    return ipc::run_daemon({
        .self = ipc::ServiceId::fetch,
        .prepare = [](ipc::Daemon& daemon) { prepared = fetch::prepare(daemon); },
        .start = [](ipc::Daemon& daemon) { service = std::make_unique<fetch::Service>(daemon, std::move(prepared)); },
    });
}
