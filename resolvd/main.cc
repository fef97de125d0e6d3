// postern-resolvd: the only speaker of DNS. See README.md and postern-resolvd(8).
#include "resolvd/service.h"

#include <fstream>
#include <sstream>

namespace {

std::string contents(const char* path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

} // namespace

int main() {
    using namespace postern;
    static dns::HostFiles files;
    return ipc::run_daemon({.self = ipc::ServiceId::resolvd,
                            .prepare = [](ipc::Daemon&) { files = {contents("/etc/resolv.conf"), contents("/etc/hosts")}; },
                            .start = [](ipc::Daemon& daemon) { static dns::Service service(daemon, std::move(files)); }});
}
