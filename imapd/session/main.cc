#include "imapd/session/service.h"

#include <optional>

using namespace postern;

int main() {
    static std::optional<mail::Charsets> charsets;      // iconv reads its tables while the file system is there
    static std::int64_t boot = 0;
    return ipc::run_daemon({.self = ipc::ServiceId::imapd,
                            .prepare = [](ipc::Daemon&) {
                                charsets.emplace();
                                boot = store::this_boot();
                            },
                            .start = [](ipc::Daemon& daemon) { static imapd::Service service(daemon, *charsets, boot); }});
}
