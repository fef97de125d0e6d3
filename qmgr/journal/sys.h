// The thin seam between the spool and the kernel: every call the spool's promises hang on, so that tests can fail
// the N-th one, cut it short, or cut the power behind it. Results and errno are those of the system calls.
#pragma once

#include "libcommon/owned.h"
#include "libcommon/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace postern::qmgr {

struct FileInfo {
    std::uint64_t size = 0;
    bool plain = false;            // a regular file of ours with one name: no symbolic or hard link, no FIFO
    std::int64_t changed_ns = 0;   // time of the last change to its content
};

class Sys {
  public:
    virtual ~Sys() = default;
    virtual int open(int dir, const std::string& name, int flags) = 0;   // adds O_CLOEXEC, O_NOFOLLOW, O_NONBLOCK
    virtual ssize_t pwrite(int fd, const void* data, std::size_t size, std::uint64_t at) = 0;
    virtual ssize_t pread(int fd, void* data, std::size_t size, std::uint64_t at) = 0;
    virtual int allocate(int fd, std::uint64_t size) = 0;
    virtual int fdatasync(int fd) = 0;
    virtual int fsync(int fd) = 0;
    virtual int rename(int from_dir, const std::string& from, int to_dir, const std::string& to) = 0;
    virtual int unlink(int dir, const std::string& name) = 0;
    virtual int make_dir(int dir, const std::string& name) = 0;
    virtual int stat(int fd, FileInfo& info) = 0;
    virtual int list(int dir, std::vector<std::string>& names) = 0;      // without "." and ".."
    virtual int lock(int fd) = 0;                                        // exclusive, for the life of the descriptor
    virtual int read_lease(int fd, bool take) = 0;                       // EAGAIN: somebody has it open for writing
    virtual int free_bytes(int dir, std::uint64_t& bytes) = 0;
};

Sys& real_sys();

// What is built of those calls. Short writes and reads go on; a file that ends too early is Errc::corrupt.
Result<Fd> open_file(Sys& sys, int dir, const std::string& name, int flags);
Result<void> write_all(Sys& sys, int fd, std::string_view bytes, std::uint64_t at);
Result<std::string> read_exactly(Sys& sys, int fd, std::uint64_t at, std::size_t size);
Result<std::vector<std::string>> list_dir(Sys& sys, int dir);
Result<void> sync_file(Sys& sys, int fd, std::string_view what);   // fsync: data, size and, of a folder, its names

} // namespace postern::qmgr
