// postern-resolvd: the only speaker of DNS. See README.md and postern-resolvd(8).
#include "resolvd/service.h"

int main() {
    using namespace postern;
    return ipc::run_daemon({.self = ipc::ServiceId::resolvd, .prepare = {}, .start = [](ipc::Daemon& daemon) {
        static dns::Service service(daemon);
    }});
}
