#include "qmgr/journal/folders.h"

#include <cerrno>
#include <fcntl.h>

namespace postern::qmgr {
namespace {

Result<Fd> open_folder(Sys& sys, int root, const std::string& name) {
    if (sys.make_dir(root, name) != 0 && errno != EEXIST) return Error::from_errno("make folder " + name);
    return open_file(sys, root, name, O_RDONLY | O_DIRECTORY);
}

} // namespace

Result<Folders> Folders::open(Sys& sys, int root) {
    Folders folders;
    const std::pair<Fd&, const char*> all[] = {{folders.journal, "journal"}, {folders.large, "large"},
                                               {folders.deferred, "deferred"}, {folders.hold, "hold"},
                                               {folders.corrupt, "corrupt"}};
    auto own = open_file(sys, root, ".", O_RDONLY | O_DIRECTORY);
    if (!own) return own.error();
    folders.root = std::move(*own);
    auto lock = open_file(sys, root, "lock", O_RDWR | O_CREAT);
    if (!lock) return lock.error();
    if (sys.lock(lock->get()) != 0) return Error(Errc::conflict, "another process has this spool");
    folders.lock_ = std::move(*lock);
    for (const auto& [folder, name] : all) {
        auto opened = open_folder(sys, root, name);
        if (!opened) return opened.error();
        folder = std::move(*opened);
    }
    if (auto synced = sync_file(sys, folders.root.get(), "spool"); !synced) return synced.error();
    return folders;
}

Result<void> set_aside(Sys& sys, const Folders& folders, const std::string& name, std::string_view bytes) {
    auto file = open_file(sys, folders.corrupt.get(), name, O_WRONLY | O_CREAT | O_TRUNC);
    if (!file) return file.error();
    if (auto written = write_all(sys, file->get(), bytes, 0); !written) return written;
    if (auto synced = sync_file(sys, file->get(), name); !synced) return synced;
    return sync_file(sys, folders.corrupt.get(), "corrupt");
}

} // namespace postern::qmgr
