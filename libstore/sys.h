// The few system calls the store makes on the mail root. Every path goes through openat2 with RESOLVE_BENEATH and
// RESOLVE_NO_SYMLINKS, or is one checked name in a directory opened that way: a planted link leads nowhere.
#pragma once

#include "libcommon/owned.h"
#include "libcommon/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::store::sys {

// Called before each call that changes the disk, with its name; a value other than 0 is the errno that call fails
// with. The crash and fault tests stand here; null otherwise.
extern int (*before_change)(const char* call);

Result<Fd> open_dir(int at, const std::string& path);
// A regular file and nothing else: a FIFO or a device is Errc::invalid, and opening it blocks nobody.
Result<Fd> open_file(int at, const std::string& name);
Result<Fd> create_file(int at, const std::string& name);            // must not exist yet
Result<Fd> open_or_create(int at, const std::string& name);         // for reading and writing
Result<Fd> open_or_append(int at, const std::string& name);         // every write goes to its end
Result<bool> make_dir(int at, const std::string& name);             // false: was there
Result<void> write_all(int fd, std::string_view first, std::string_view second = {});
Result<void> copy_all(int from, int to);                            // from offset 0 to the end
Result<void> rename(int from_dir, const std::string& from, int to_dir, const std::string& to);
Result<void> link(int from_dir, const std::string& from, int to_dir, const std::string& to);
Result<void> unlink(int dir, const std::string& name);
Result<void> remove_dir(int dir, const std::string& name);
Result<void> sync_file(int fd);
Result<void> sync_data(int fd);
Result<void> sync_file_system(int fd);
Result<std::uint64_t> size_of(int fd);
Result<std::string> read_all(int fd, std::size_t limit);
// Of a name that may not exist: then 0. Not followed when it is a link; only ever compared.
std::int64_t modified(int at, const std::string& name);             // mtime in nanoseconds
std::uint64_t size_of(int at, const std::string& name);
bool exists(int at, const std::string& name);
std::int64_t modified(int dir);
void spread_directories(int root);                                  // chattr +T, where the file system knows it

} // namespace postern::store::sys
