#include "master/child.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/socket.h>
#include <unistd.h>

namespace postern::master {
namespace {

[[noreturn]] void become(const Child& child, const Options& options, int birth) {
    if (birth == ipc::birth_descriptor) ::fcntl(birth, F_SETFD, 0);
    else ::dup2(birth, ipc::birth_descriptor);
    const int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, STDIN_FILENO);
    ::dup2(null, STDOUT_FILENO);
    ::close_range(ipc::birth_descriptor + 1, ~0U, 0);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (int signal : {SIGHUP, SIGINT, SIGTERM, SIGCHLD, SIGPIPE, SIGUSR1, SIGUSR2}) std::signal(signal, SIG_DFL);

    const std::string name(ipc::to_string(child.row.id));
    const std::string path = (options.libexec / name).string();
    const std::string label = "postern-" + name + "/" + std::to_string(child.instance);
    char* const arguments[] = {const_cast<char*>(label.c_str()), nullptr};
#ifdef POSTERN_SANITIZED
    // Where sanitizer reports go is the tester's to say.
    const char* options_text = std::getenv("ASAN_OPTIONS");
    const std::string asan = std::string("ASAN_OPTIONS=") + (options_text ? options_text : "");
    char* const environment[] = {const_cast<char*>(asan.c_str()), nullptr};
#else
    char* const environment[] = {nullptr};
#endif
    ::execve(path.c_str(), arguments, environment);
    ::dprintf(STDERR_FILENO, "%s: cannot be executed\n", path.c_str());
    ::_exit(72);
}

} // namespace

bool Child::take_token() {
    const auto now = std::chrono::steady_clock::now();
    tokens = std::min(request_burst, tokens + requests_per_second * std::chrono::duration<double>(now - refilled).count());
    refilled = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
}

Result<void> spawn(Child& child, const Options& options) {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return Error::from_errno("make a birth socket");
    Fd ours(pair[0]);
    const Fd theirs(pair[1]);
    const pid_t pid = ::fork();
    if (pid < 0) return Error::from_errno("fork");
    if (pid == 0) become(child, options, theirs.get());
    child.pid = pid;
    child.birth = std::move(ours);
    ++child.generation;
    return {};
}

std::chrono::milliseconds restart_delay(unsigned failures) {
    using namespace std::chrono_literals;
    if (failures == 0) return 0ms;
    return std::min<std::chrono::milliseconds>(30s, 50ms * (1U << std::min(failures, 12U)));
}

} // namespace postern::master
