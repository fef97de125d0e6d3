#include "qmgr/journal/sys.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace postern::qmgr {
namespace {

class RealSys final : public Sys {
  public:
    int open(int dir, const std::string& name, int flags) override {
        return ::openat(dir, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    }
    ssize_t pwrite(int fd, const void* data, std::size_t size, std::uint64_t at) override {
        return ::pwrite(fd, data, size, static_cast<off_t>(at));
    }
    ssize_t pread(int fd, void* data, std::size_t size, std::uint64_t at) override {
        return ::pread(fd, data, size, static_cast<off_t>(at));
    }
    int allocate(int fd, std::uint64_t size) override {
        // Not posix_fallocate: where the file system has none, the zeros written next allocate just as well.
        const int result = ::fallocate(fd, 0, 0, static_cast<off_t>(size));
        return result != 0 && errno == EOPNOTSUPP ? 0 : result;
    }
    int fdatasync(int fd) override { return ::fdatasync(fd); }
    int fsync(int fd) override { return ::fsync(fd); }
    int rename(int from_dir, const std::string& from, int to_dir, const std::string& to) override {
        return ::renameat(from_dir, from.c_str(), to_dir, to.c_str());
    }
    int unlink(int dir, const std::string& name) override { return ::unlinkat(dir, name.c_str(), 0); }
    int make_dir(int dir, const std::string& name) override { return ::mkdirat(dir, name.c_str(), 0700); }
    int stat(int fd, FileInfo& info) override {
        struct ::stat s {};
        if (::fstat(fd, &s) != 0) return -1;
        info.size = static_cast<std::uint64_t>(s.st_size);
        info.plain = S_ISREG(s.st_mode) && s.st_nlink == 1 && s.st_uid == ::geteuid();
        info.changed_ns = s.st_mtim.tv_sec * 1'000'000'000LL + s.st_mtim.tv_nsec;
        return 0;
    }
    int list(int dir, std::vector<std::string>& names) override {
        // A descriptor of its own: reading a directory moves the position of the one it is read through.
        const int fd = ::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) return -1;
        DIR* stream = ::fdopendir(fd);
        if (!stream) {
            Fd closes(fd);
            return -1;
        }
        errno = 0;
        while (const dirent* entry = ::readdir(stream)) {
            const std::string_view name = entry->d_name;
            if (name != "." && name != "..") names.emplace_back(name);
        }
        const int failed = errno;
        ::closedir(stream);
        errno = failed;
        return failed == 0 ? 0 : -1;
    }
    int lock(int fd) override { return ::flock(fd, LOCK_EX | LOCK_NB); }
    int read_lease(int fd, bool take) override { return ::fcntl(fd, F_SETLEASE, take ? F_RDLCK : F_UNLCK); }
    int free_bytes(int dir, std::uint64_t& bytes) override {
        struct statvfs s {};
        if (::fstatvfs(dir, &s) != 0) return -1;
        bytes = static_cast<std::uint64_t>(s.f_bavail) * s.f_frsize;
        return 0;
    }
};

} // namespace

Sys& real_sys() {
    static RealSys sys;
    return sys;
}

Result<Fd> open_file(Sys& sys, int dir, const std::string& name, int flags) {
    Fd fd(sys.open(dir, name, flags));
    if (!fd) return Error::from_errno("open " + name);
    return fd;
}

Result<void> write_all(Sys& sys, int fd, std::string_view bytes, std::uint64_t at) {
    while (!bytes.empty()) {
        const ssize_t wrote = sys.pwrite(fd, bytes.data(), bytes.size(), at);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote < 0) return Error::from_errno("write");
        if (wrote == 0) return Error::from_errno("write", ENOSPC);
        bytes.remove_prefix(static_cast<std::size_t>(wrote));
        at += static_cast<std::uint64_t>(wrote);
    }
    return {};
}

Result<std::string> read_exactly(Sys& sys, int fd, std::uint64_t at, std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t have = 0; have < size;) {
        const ssize_t got = sys.pread(fd, bytes.data() + have, size - have, at + have);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return Error::from_errno("read");
        if (got == 0) return Error(Errc::corrupt, "the file ends too early");
        have += static_cast<std::size_t>(got);
    }
    return bytes;
}

Result<std::vector<std::string>> list_dir(Sys& sys, int dir) {
    std::vector<std::string> names;
    if (sys.list(dir, names) != 0) return Error::from_errno("list");
    return names;
}

Result<void> sync_file(Sys& sys, int fd, std::string_view what) {
    if (sys.fsync(fd) != 0) return Error::from_errno("fsync " + std::string(what));
    return {};
}

} // namespace postern::qmgr
