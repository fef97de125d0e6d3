// smtpd: SMTP from other servers, submission from users.
#include "ipc/daemon.h"
#include "smtpd/service.h"

int main() {
    using namespace postern;
    return ipc::run_daemon({.self = ipc::ServiceId::smtpd,
                            .prepare = [](ipc::Daemon&) {},
                            .start = [](ipc::Daemon& daemon) { static smtpd::Service service(daemon); }});
}
