// postern-tlspolicyd: what other domains demand of TLS. See README.md and postern-tlspolicyd(8).
#include "tlspolicyd/sts/service.h"

#include <stdexcept>

int main() {
    using namespace postern;
    return ipc::run_daemon({.self = ipc::ServiceId::tlspolicyd, .prepare = {}, .start = [](ipc::Daemon& daemon) {
        auto policies = sts::open_policies(daemon.state() / "policies.db");
        if (!policies) throw std::runtime_error(policies.error().message());
        static sts::Service service(daemon, std::move(*policies), nullptr);
        daemon.on_reload([] { service.configure(); });
    }});
}
