#include "apid/local/service.h"

#include <fstream>
#include <iterator>
#include <unistd.h>

using namespace postern;

int main() {
    static api::Access access;
    return ipc::run_daemon({.self = ipc::ServiceId::api_local,
                            .prepare = [](ipc::Daemon&) {
                                access.owner = ::geteuid();
                                std::ifstream groups("/etc/group");
                                access.group = api::find_group(std::string(std::istreambuf_iterator<char>(groups), {}),
                                                               "postern-admin");
                            },
                            .start = [](ipc::Daemon& daemon) { static api::LocalService service(daemon, access); }});
}
