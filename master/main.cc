// postern-master: the supervisor. See README.md and postern-master(8).
#include "libcommon/text.h"
#include "master/control_socket.h"
#include "master/supervisor.h"

#include <csignal>
#include <cstdio>
#include <cstring>

namespace {

using namespace postern;

constexpr const char* usage =
    "usage: master [--config FILE] [--libexec DIR] [--uid-base N]\n"
    "       master --users\n"
    "Runs in the foreground until SIGTERM. SIGHUP reads the configuration again; SIGUSR2 goes on with the programs\n"
    "that are installed now, under the same pid.\n"
    "--users prints the system users of the service table, for packages to create.\n";

bool parse_arguments(int argc, char** argv, master::Options& options) {
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 >= argc) return false;
        const std::string_view name = argv[i];
        if (name == "--config") {
            options.config_file = argv[i + 1];
        } else if (name == "--libexec") {
            options.libexec = argv[i + 1];
        } else if (name == "--uid-base") {
            const auto base = parse_number(argv[i + 1], 0x7FFFFFFF);
            if (!base || *base < 1000) return false;
            options.uid_base = static_cast<std::uint32_t>(*base);
        } else if (name == "--resume") {          // from master itself, see upgrade.cc
            const auto descriptor = parse_number(argv[i + 1], 1 << 20);
            if (!descriptor) return false;
            options.resume = static_cast<int>(*descriptor);
        } else {
            return false;
        }
    }
    return true;
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == "--users") {
        for (const master::Service& row : master::services())
            std::printf("%.*s\n", static_cast<int>(row.user.size()), row.user.data());
        return 0;
    }
    master::Options options;
    if (!parse_arguments(argc, argv, options)) {
        std::fputs(usage, stderr);
        return 64;
    }
    std::signal(SIGPIPE, SIG_IGN);
    Loop loop;
    master::Supervisor supervisor(loop, std::move(options));
    if (!supervisor.start()) return 78;   // EX_CONFIG
    master::ControlSocket control(loop, supervisor);
    if (auto done = control.listen(supervisor.run_dir() / "control.sock"); !done) {
        std::fprintf(stderr, "%s\n", done.error().message().c_str());
        return 73;                        // EX_CANTCREAT
    }
    loop.run();
    return 0;
}
