#include "master/helper.h"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <grp.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace postern::master {
namespace {

constexpr std::size_t max_output = 4 * 1024 * 1024;
constexpr std::chrono::seconds longest_run(10);

[[noreturn]] void become(const Helper& helper, int out, int err) {
    // What it gets may lie on each other's numbers: first out of the way, then to its place.
    const int input = ::fcntl(helper.input.get(), F_DUPFD, 10), second = ::fcntl(helper.second.get(), F_DUPFD, 10);
    ::dup2(::fcntl(out, F_DUPFD, 10), STDOUT_FILENO);
    ::dup2(::fcntl(err, F_DUPFD, 10), STDERR_FILENO);
    ::dup2(input, STDIN_FILENO);
    if (second >= 0) ::dup2(second, STDERR_FILENO + 1);
    ::close_range(STDERR_FILENO + (second >= 0 ? 2 : 1), ~0U, 0);
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    const std::uint32_t uid = helper.uid;
    if (uid != 0 && (::setgroups(0, nullptr) != 0 || ::setresgid(uid, uid, uid) != 0 || ::setresuid(uid, uid, uid) != 0))
        ::_exit(71);
    std::vector<char*> arguments{const_cast<char*>(helper.program.c_str())};
    for (const std::string& argument : helper.arguments) arguments.push_back(const_cast<char*>(argument.c_str()));
    arguments.push_back(nullptr);
    ::execv(helper.program.c_str(), arguments.data());
    ::dprintf(STDERR_FILENO, "%s: cannot be executed\n", helper.program.c_str());
    ::_exit(72);
}

} // namespace

HelperRun::HelperRun(Loop& loop, Result<Helper> helper, Done done) : loop_(loop), done_(std::move(done)) {
    Result<void> begun = helper ? begin(*helper) : Result<void>(helper.error());
    if (!begun) loop_.defer([this, error = begun.error()] { std::exchange(done_, nullptr)(error); });
}

Result<void> HelperRun::begin(const Helper& helper) {
    program_ = helper.program;
    int out[2], err[2];
    if (::pipe2(out, O_CLOEXEC) != 0) return Error::from_errno("make a pipe");
    out_ = Fd(out[0]);
    const Fd out_write(out[1]);
    if (::pipe2(err, O_CLOEXEC) != 0) return Error::from_errno("make a pipe");
    err_ = Fd(err[0]);
    const Fd err_write(err[1]);
    pid_ = ::fork();
    if (pid_ == 0) become(helper, out_write.get(), err_write.get());
    if (pid_ < 0) return Error::from_errno("start " + program_);

    for (int fd : {out_.get(), err_.get()}) ::fcntl(fd, F_SETFL, O_NONBLOCK);
    watch_out_ = std::make_unique<Watch>(loop_, out_.get(), Watch::For::read, [this] { readable(out_, output_, watch_out_); });
    watch_err_ = std::make_unique<Watch>(loop_, err_.get(), Watch::For::read, [this] { readable(err_, mistakes_, watch_err_); });
    watch_out_->enable();
    watch_err_->enable();
    deadline_ = std::make_unique<Timer>(loop_, [this] { ::kill(pid_, SIGKILL); });
    deadline_->once(longest_run);
    return {};
}

HelperRun::~HelperRun() = default;

void HelperRun::readable(Fd& from, std::string& into, std::unique_ptr<Watch>& watch) {
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

void HelperRun::exited(int status) {
    status_ = status;
    finish_when_complete();
}

void HelperRun::finish_when_complete() {
    if (!done_ || status_ < 0 || out_ || err_) return;
    deadline_.reset();
    const Done done = std::exchange(done_, nullptr);
    if (status_ != 0) {
        while (!mistakes_.empty() && mistakes_.back() == '\n') mistakes_.pop_back();
        return done(Error(Errc::invalid, mistakes_.empty() ? program_ + " died" : mistakes_));
    }
    done(std::move(output_));
}

} // namespace postern::master
