#include "master/settings.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace postern::master {
namespace {

constexpr std::size_t max_output = 4 * 1024 * 1024;
constexpr std::chrono::seconds reader_deadline(10);

[[noreturn]] void become_reader(const Options& options, std::uint32_t uid, int file, int out, int err) {
    ::dup2(file, STDIN_FILENO);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (uid != 0 && (::setgroups(0, nullptr) != 0 || ::setresgid(uid, uid, uid) != 0 || ::setresuid(uid, uid, uid) != 0))
        ::_exit(71);
    ::execl((options.libexec / "config").c_str(), "config", "--name", options.config_file.c_str(), nullptr);
    ::dprintf(STDERR_FILENO, "%s: cannot be executed\n", (options.libexec / "config").c_str());
    ::_exit(72);
}

} // namespace

ConfigRun::ConfigRun(Loop& loop, const Options& options, std::uint32_t uid, Done done)
    : loop_(loop), done_(std::move(done)) {
    if (auto begun = begin(options, uid); !begun)
        loop_.defer([this, error = begun.error()] { std::exchange(done_, nullptr)(error); });
}

Result<void> ConfigRun::begin(const Options& options, std::uint32_t uid) {
    // Opened by master: the file may be readable by root alone, the reader only gets its bytes.
    const Fd file(::open(options.config_file.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    if (!file) return Error::from_errno(options.config_file.string());
    int out[2], err[2];
    if (::pipe2(out, O_CLOEXEC) != 0) return Error::from_errno("make a pipe");
    out_ = Fd(out[0]);
    const Fd out_write(out[1]);
    if (::pipe2(err, O_CLOEXEC) != 0) return Error::from_errno("make a pipe");
    err_ = Fd(err[0]);
    const Fd err_write(err[1]);
    pid_ = ::fork();
    if (pid_ == 0) become_reader(options, uid, file.get(), out_write.get(), err_write.get());
    if (pid_ < 0) return Error::from_errno("start the configuration reader");

    for (int fd : {out_.get(), err_.get()}) ::fcntl(fd, F_SETFL, O_NONBLOCK);
    watch_out_ = std::make_unique<Watch>(loop_, out_.get(), Watch::For::read, [this] { readable(out_, flat_, watch_out_); });
    watch_err_ = std::make_unique<Watch>(loop_, err_.get(), Watch::For::read, [this] { readable(err_, mistakes_, watch_err_); });
    watch_out_->enable();
    watch_err_->enable();
    deadline_ = std::make_unique<Timer>(loop_, [this] { ::kill(pid_, SIGKILL); });
    deadline_->once(reader_deadline);
    return {};
}

ConfigRun::~ConfigRun() = default;

void ConfigRun::readable(Fd& from, std::string& into, std::unique_ptr<Watch>& watch) {
    char buffer[16384];
    const ssize_t size = ::read(from.get(), buffer, sizeof buffer);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size > 0 && into.size() + static_cast<std::size_t>(size) <= max_output) {
        into.append(buffer, static_cast<std::size_t>(size));
        return;
    }
    watch.reset();
    from.reset();
    finish_when_complete();
}

void ConfigRun::exited(int status) {
    status_ = status;
    finish_when_complete();
}

void ConfigRun::finish_when_complete() {
    if (!done_ || status_ < 0 || out_ || err_) return;
    deadline_.reset();
    const Done done = std::exchange(done_, nullptr);
    if (status_ != 0) {
        while (!mistakes_.empty() && mistakes_.back() == '\n') mistakes_.pop_back();
        return done(Error(Errc::invalid, mistakes_.empty() ? "the configuration reader died" : mistakes_));
    }
    done(Config::parse(flat_));
}

} // namespace postern::master
