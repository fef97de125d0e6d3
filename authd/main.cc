#include "authd/schema.h"
#include "authd/service.h"
#include "libcommon/log.h"

#include <stdexcept>

using namespace postern;

int main() {
    return ipc::run_daemon({.self = ipc::ServiceId::authd, .prepare = {}, .start = [](ipc::Daemon& daemon) {
        auto db = authd::open_accounts(daemon.state() / "accounts.db");
        if (!db) throw std::runtime_error(db.error().message());
        static authd::Service service(daemon, std::move(*db));
    }});
}
