#include "imapd/login/service.h"

using namespace postern;

int main() {
    return ipc::run_daemon({.self = ipc::ServiceId::imap_login, .prepare = {},
                            .start = [](ipc::Daemon& daemon) { static imap_login::Service service(daemon); }});
}
