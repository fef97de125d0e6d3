#include "libstore/sys.h"

#include "libcommon/file.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace postern::store::sys {

int (*before_change)(const char* call) = nullptr;

namespace {

Error failed(const char* call, const std::string& name = {}) {
    const int code = errno;
    Error error = code == ENOENT   ? Error(Errc::not_found, std::string(call) + ": no such file")
                  : code == EEXIST ? Error(Errc::exists, std::string(call) + ": it exists")
                  : code == ENOSPC || code == EDQUOT ? Error(Errc::no_space, std::string(call) + ": disk full")
                                                     : Error::from_errno(call, code);
    return name.empty() ? error : std::move(error).with("file", name);
}

// The one place tests interfere: true when the call may go on.
bool permitted(const char* call) {
    if (!before_change) return true;
    const int code = before_change(call);
    errno = code;
    return code == 0;
}

Result<Fd> open_beneath(int at, const std::string& path, std::uint64_t flags, std::uint64_t mode) {
    open_how how{};
    how.flags = flags | O_CLOEXEC | O_NOFOLLOW;
    how.mode = mode;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
    for (;;) {
        const long fd = ::syscall(SYS_openat2, at, path.c_str(), &how, sizeof how);
        if (fd >= 0) return Fd(static_cast<int>(fd));
        // EAGAIN: a rename raced with the look-up of "..", openat2(2).
        if (errno != EINTR && errno != EAGAIN) return failed("open", path);
    }
}

Result<void> checked(const char* call, int result, const std::string& name = {}) {
    if (result != 0) return failed(call, name);
    return {};
}

} // namespace

Result<Fd> open_dir(int at, const std::string& path) { return open_beneath(at, path, O_RDONLY | O_DIRECTORY, 0); }

Result<Fd> open_file(int at, const std::string& name) {
    auto file = open_beneath(at, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (!file) return file;
    struct stat about {};
    if (::fstat(file->get(), &about) != 0) return failed("fstat", name);
    if (!S_ISREG(about.st_mode)) return Error(Errc::invalid, "not a regular file").with("file", name);
    return file;
}

Result<Fd> create_file(int at, const std::string& name) {
    if (!permitted("create")) return failed("create", name);
    return open_beneath(at, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
}

Result<Fd> open_or_create(int at, const std::string& name) {
    if (!permitted("create")) return failed("create", name);
    return open_beneath(at, name, O_RDWR | O_CREAT | O_NONBLOCK, 0600);
}

Result<Fd> open_or_append(int at, const std::string& name) {
    if (!permitted("create")) return failed("create", name);
    return open_beneath(at, name, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK, 0600);
}

Result<bool> make_dir(int at, const std::string& name) {
    if (!permitted("mkdir")) return failed("mkdir", name);
    if (::mkdirat(at, name.c_str(), 0700) == 0) return true;
    if (errno == EEXIST) return false;
    return failed("mkdir", name);
}

Result<void> write_all(int fd, std::string_view first, std::string_view second) {
    while (!first.empty() || !second.empty()) {
        if (!permitted("write")) return failed("write");
        const iovec parts[2] = {{const_cast<char*>(first.data()), first.size()},
                                {const_cast<char*>(second.data()), second.size()}};
        const ssize_t written = ::writev(fd, parts, 2);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return failed("write");
        const std::size_t of_first = std::min(first.size(), static_cast<std::size_t>(written));
        first.remove_prefix(of_first);
        second.remove_prefix(static_cast<std::size_t>(written) - of_first);
    }
    return {};
}

Result<void> copy_all(int from, int to) {
    std::string buffer(256 * 1024, '\0');
    for (off_t offset = 0;;) {
        const ssize_t got = ::pread(from, buffer.data(), buffer.size(), offset);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("read");
        if (got == 0) return {};
        if (auto written = write_all(to, std::string_view(buffer).substr(0, static_cast<std::size_t>(got))); !written)
            return written;
        offset += got;
    }
}

Result<void> rename(int from_dir, const std::string& from, int to_dir, const std::string& to) {
    if (!permitted("rename")) return failed("rename", from);
    return checked("rename", ::renameat(from_dir, from.c_str(), to_dir, to.c_str()), from);
}

Result<void> link(int from_dir, const std::string& from, int to_dir, const std::string& to) {
    if (!permitted("link")) return failed("link", from);
    return checked("link", ::linkat(from_dir, from.c_str(), to_dir, to.c_str(), 0), from);
}

Result<void> unlink(int dir, const std::string& name) {
    if (!permitted("unlink")) return failed("unlink", name);
    return checked("unlink", ::unlinkat(dir, name.c_str(), 0), name);
}

Result<void> remove_dir(int dir, const std::string& name) {
    if (!permitted("rmdir")) return failed("rmdir", name);
    return checked("rmdir", ::unlinkat(dir, name.c_str(), AT_REMOVEDIR), name);
}

Result<void> sync_file(int fd) {
    if (!permitted("fsync")) return failed("fsync");
    return checked("fsync", ::fsync(fd));
}

Result<void> sync_data(int fd) {
    if (!permitted("fdatasync")) return failed("fdatasync");
    return checked("fdatasync", ::fdatasync(fd));
}

Result<void> sync_file_system(int fd) {
    if (!permitted("syncfs")) return failed("syncfs");
    return checked("syncfs", ::syncfs(fd));
}

Result<std::uint64_t> size_of(int fd) {
    struct stat about {};
    if (::fstat(fd, &about) != 0) return failed("fstat");
    return static_cast<std::uint64_t>(about.st_size);
}

Result<std::string> read_all(int fd, std::size_t limit) {
    auto size = size_of(fd);
    if (!size) return size.error();
    if (*size > limit) return Error(Errc::too_large, "file is over its limit");
    return read_piece(fd, 0, static_cast<std::size_t>(*size));
}

namespace {

std::int64_t nanoseconds(const struct stat& about) {
    return static_cast<std::int64_t>(about.st_mtim.tv_sec) * 1'000'000'000 + about.st_mtim.tv_nsec;
}

} // namespace

std::int64_t modified(int at, const std::string& name) {
    struct stat about {};
    return ::fstatat(at, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0 ? nanoseconds(about) : 0;
}

std::uint64_t size_of(int at, const std::string& name) {
    struct stat about {};
    return ::fstatat(at, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0 ? static_cast<std::uint64_t>(about.st_size) : 0;
}

bool exists(int at, const std::string& name) {
    struct stat about {};
    return ::fstatat(at, name.c_str(), &about, AT_SYMLINK_NOFOLLOW) == 0;
}

std::int64_t modified(int dir) {
    struct stat about {};
    return ::fstat(dir, &about) == 0 ? nanoseconds(about) : 0;
}

// Creating files after mass deletes is four times slower without it (PIPELINE.md, variant g). Not every file
// system has the flag, and nothing depends on it.
void spread_directories(int root) {
    int flags = 0;
    if (::ioctl(root, FS_IOC_GETFLAGS, &flags) != 0 || (flags & FS_TOPDIR_FL) != 0) return;
    flags |= FS_TOPDIR_FL;
    (void)::ioctl(root, FS_IOC_SETFLAGS, &flags);
}

} // namespace postern::store::sys
