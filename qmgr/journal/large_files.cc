#include "qmgr/journal/large_files.h"

#include "libcommon/crc32c.h"
#include "libcommon/text.h"

#include <cerrno>
#include <fcntl.h>

namespace postern::qmgr {
namespace {

constexpr std::size_t chunk = 256 * 1024;

// Holds the read lease for the length of a commit.
class Lease {
  public:
    Lease(Sys& sys, int fd) : sys_(sys), fd_(fd), taken_(sys.read_lease(fd, true) == 0), errno_(taken_ ? 0 : errno) {}
    ~Lease() {
        if (taken_) sys_.read_lease(fd_, false);
    }
    Lease(const Lease&) = delete;
    bool refused() const { return errno_ == EAGAIN || errno_ == EACCES; }   // any other error: not supported here

  private:
    Sys& sys_;
    int fd_;
    bool taken_;
    int errno_;
};

} // namespace

std::string LargeFiles::file_name(std::uint64_t name) { return TraceId{name}.text(); }

std::optional<std::uint64_t> LargeFiles::parse_name(std::string_view file_name) {
    const auto bytes = file_name.size() == 16 ? from_hex(file_name) : std::nullopt;
    if (!bytes) return std::nullopt;
    std::uint64_t name = 0;
    for (unsigned char byte : *bytes) name = (name << 8) | byte;
    return name;
}

Result<LargeFiles::Opened> LargeFiles::create() {
    Opened opened;
    random_bytes(&opened.name, sizeof opened.name);
    auto file = open_file(sys_, folder_, file_name(opened.name), O_WRONLY | O_CREAT | O_EXCL);
    if (!file) return file.error();
    opened.descriptor = std::move(*file);
    return opened;
}

Result<LargeBody> LargeFiles::measure(int fd, std::uint64_t name) {
    FileInfo before, after;
    if (sys_.stat(fd, before) != 0) return Error::from_errno("stat large body");
    if (!before.plain) return Error(Errc::corrupt, "large body is not a plain file of ours");
    LargeBody body{name, before.size, 0};
    for (std::uint64_t at = 0; at < body.size; at += chunk) {
        auto bytes = read_exactly(sys_, fd, at, std::min<std::uint64_t>(chunk, body.size - at));
        if (!bytes) return bytes.error();
        body.crc = crc32c(*bytes, body.crc);
    }
    // Where leases are not supported, this is what tells of a writer that goes on.
    if (sys_.stat(fd, after) != 0) return Error::from_errno("stat large body");
    if (after.size != before.size || after.changed_ns != before.changed_ns)
        return Error(Errc::conflict, "large body changed while it was measured");
    return body;
}

Result<LargeBody> LargeFiles::commit(std::uint64_t name) {
    auto file = open_file(sys_, folder_, file_name(name), O_RDONLY);
    if (!file) return file.error();
    const Lease lease(sys_, file->get());
    if (lease.refused()) return Error(Errc::conflict, "large body is still open for writing");
    auto body = measure(file->get(), name);
    if (!body) return body;
    if (auto synced = sync_file(sys_, file->get(), "large body"); !synced) return synced.error();
    if (auto synced = sync_file(sys_, folder_, "large"); !synced) return synced.error();
    return body;
}

Result<Fd> LargeFiles::open(const LargeBody& body) {
    auto file = open_file(sys_, folder_, file_name(body.name), O_RDONLY);
    if (!file) return file;
    const auto measured = measure(file->get(), body.name);
    if (!measured) return measured.error();
    if (*measured != body) return Error(Errc::corrupt, "large body fails its checksum");
    return file;
}

Result<std::string> LargeFiles::read(const LargeBody& body, std::uint64_t from, std::size_t size) {
    auto file = open_file(sys_, folder_, file_name(body.name), O_RDONLY);
    if (!file) return file.error();
    const auto rest = body.size - std::min(from, body.size);
    return read_exactly(sys_, file->get(), from, static_cast<std::size_t>(std::min<std::uint64_t>(rest, size)));
}

bool LargeFiles::is_there(const LargeBody& body) {
    auto file = open_file(sys_, folder_, file_name(body.name), O_RDONLY);
    FileInfo info;
    return file && sys_.stat(file->get(), info) == 0 && info.plain && info.size == body.size;
}

Result<void> LargeFiles::remove(std::uint64_t name) {
    if (sys_.unlink(folder_, file_name(name)) != 0 && errno != ENOENT) return Error::from_errno("unlink large body");
    return {};
}

} // namespace postern::qmgr
