#include "authd/schema.h"
#include "authd/service.h"
#include "libcommon/log.h"

#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <unistd.h>

using namespace postern;

namespace {

// With the file system still there. A file and no getpwent(): what that loads has no place in this process.
authd::LocalUsers local_users() {
    std::ifstream file("/etc/passwd", std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    return {authd::parse_passwd(text), ::getppid()};
}

} // namespace

int main() {
    static std::optional<authd::LocalUsers> users;
    return ipc::run_daemon({.self = ipc::ServiceId::authd, .prepare = [](ipc::Daemon&) { users = local_users(); }, .start = [](ipc::Daemon& daemon) {
        auto db = authd::open_accounts(daemon.state() / "accounts.db");
        if (!db) throw std::runtime_error(db.error().message());
        static authd::Service service(daemon, std::move(*db), std::move(*users));
    }});
}
