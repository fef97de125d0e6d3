#include "logd/log_file.h"

#include "logd/format.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::logd {

LogFile::LogFile(std::filesystem::path path, std::uint64_t rotate_size, std::uint64_t keep)
    : path_(std::move(path)), rotate_size_(rotate_size), keep_(keep) {}

Result<void> LogFile::open() {
    file_ = Fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
    if (!file_) return Error::from_errno("open " + path_.string());
    struct stat status {};
    size_ = ::fstat(file_.get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
    return {};
}

Result<void> LogFile::append(std::string_view lines) {
    if (size_ > 0 && size_ + lines.size() > rotate_size_) rotate();
    if (!file_)
        if (auto opened = open(); !opened) return opened;
    while (!lines.empty()) {
        const ssize_t written = ::write(file_.get(), lines.data(), lines.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return Error::from_errno("write the log");
        lines.remove_prefix(static_cast<std::size_t>(written));
        size_ += static_cast<std::uint64_t>(written);
    }
    return {};
}

std::filesystem::path LogFile::numbered(std::uint64_t n) const {
    return n == 0 ? path_ : std::filesystem::path(path_.string() + "." + std::to_string(n));
}

std::optional<std::int64_t> LogFile::oldest_line() const {
    for (std::uint64_t n = keep_ + 1; n-- > 0;) {
        const Fd file(::open(numbered(n).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        char line[64] = {};
        if (file && ::read(file.get(), line, sizeof line - 1) > 0)
            if (const auto time = time_of_line(line)) return time;
    }
    return std::nullopt;
}

void LogFile::rotate() {
    for (std::uint64_t n = keep_; n > 0; --n) (void)::rename(numbered(n - 1).c_str(), numbered(n).c_str());
    file_.reset();
    size_ = 0;
}

} // namespace postern::logd
