#include "ipc/bundle.h"

#include "ipc/birth.h"
#include "libcommon/codec.h"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

namespace postern::ipc {
namespace {

using Name = Text<4096>;
using Contents = Text<max_bundled_file>;

Result<void> write_all(int descriptor, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return Error::from_errno("write a memory file");
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

} // namespace

Result<void> BundleWriter::add(std::string_view name, int file) {
    struct stat status {};
    if (name.size() > Name::limit || ::fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
        return Error(Errc::invalid, "not a regular file");
    if (static_cast<std::uint64_t>(status.st_size) > max_bundled_file)
        return Error(Errc::too_large, "more than " + std::to_string(max_bundled_file) + " bytes");
    if (!memory_) memory_ = Fd(::memfd_create("bundle", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory_) return Error::from_errno("make a memory file");
    std::string head;
    Writer writer(head);
    writer.put(Name(name));
    writer.put(static_cast<std::uint32_t>(status.st_size));     // what a Text begins with: the file's bytes are its value
    if (auto done = write_all(memory_.get(), head); !done) return done;
    off_t at = 0;
    while (at < status.st_size) {
        const ssize_t copied = ::sendfile(memory_.get(), file, &at, static_cast<std::size_t>(status.st_size - at));
        if (copied < 0 && errno == EINTR) continue;
        if (copied < 0) return Error::from_errno("copy");
        if (copied == 0) return Error(Errc::io, "it became shorter while it was read");
    }
    return {};
}

Result<Fd> BundleWriter::seal() {
    if (!memory_) memory_ = Fd(::memfd_create("bundle", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!memory_ || ::fcntl(memory_.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
        return Error::from_errno("seal a memory file");
    return std::move(memory_);
}

Fd reopened(const Fd& memory) {
    return Fd(::open(("/proc/self/fd/" + std::to_string(memory.get())).c_str(), O_RDONLY | O_CLOEXEC));
}

Result<std::vector<Bundled>> read_bundle(int descriptor) {
    auto all = read_all(descriptor, max_bundle);
    if (!all) return all.error();
    std::vector<Bundled> bundled;
    Reader in(*all);
    while (!in.at_end()) {
        Name name;
        Contents contents;
        if (!in.get(name) || !in.get(contents)) return Error(Errc::bad_message, "malformed bundle");
        bundled.push_back({std::move(name.value), std::move(contents.value)});
    }
    ::explicit_bzero(all->data(), all->size());                   // they may be private keys
    return bundled;
}

} // namespace postern::ipc
