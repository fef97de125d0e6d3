// policyd: what is known of clients, and what they may do. See postern-policyd(8).
#include "policyd/schema.h"
#include "policyd/service.h"

#include <stdexcept>

int main() {
    using namespace postern;
    return ipc::run_daemon({.self = ipc::ServiceId::policyd, .prepare = {}, .start = [](ipc::Daemon& daemon) {
        auto db = policy::open_reputation(daemon.state() / "reputation.db");
        if (!db) throw std::runtime_error(db.error().message());
        static policy::Service service(daemon, std::move(*db));
    }});
}
