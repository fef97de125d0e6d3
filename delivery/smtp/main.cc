// postern-smtp-out: outbound delivery. See README.md and postern-smtp-out(8).
#include "delivery/smtp/service.h"

int main() {
    using namespace postern;
    static smtp_out::Prepared prepared;
    static std::unique_ptr<smtp_out::Service> service;
    return ipc::run_daemon({
        .self = ipc::ServiceId::smtp_out,
        .prepare = [](ipc::Daemon&) { prepared = smtp_out::prepare(); },
        .start = [](ipc::Daemon& daemon) { service = std::make_unique<smtp_out::Service>(daemon, std::move(prepared)); },
    });
}
