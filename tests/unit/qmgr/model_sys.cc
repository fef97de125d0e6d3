#include "tests/unit/qmgr/model_sys.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>

namespace postern::qmgr {

void ModelSys::arm(Fault fault, std::uint64_t n, std::uint64_t times) {
    const std::lock_guard lock(mutex_);
    fault_ = fault;
    fault_at_ = calls_ + n;
    fault_times_ = times;
}

bool ModelSys::fails(bool writes) {
    ++calls_;
    cut_short_ = false;
    if (down_) return errno = EIO, true;
    if (fault_ == Fault::none || calls_ < fault_at_ || calls_ >= fault_at_ + fault_times_) return false;
    switch (fault_) {
    case Fault::eio: return errno = EIO, true;
    case Fault::enospc: return writes ? (errno = ENOSPC, true) : false;
    case Fault::short_write: cut_short_ = writes; return false;
    case Fault::power_cut:
    case Fault::kill: down_ = true; return errno = EIO, true;
    case Fault::none: break;
    }
    return false;
}

void ModelSys::restart(bool power) {
    const std::lock_guard lock(mutex_);
    open_.clear();
    fault_ = Fault::none;
    down_ = false;
    std::set<Node*> seen;
    if (power) lose_power(root_, seen);
}

void ModelSys::lose_power(const NodePtr& node, std::set<Node*>& seen) {
    if (!seen.insert(node.get()).second) return;
    const auto lucky = [this] { return random_() % 2 == 0; };
    if (!node->folder) {
        std::string left = node->durable;
        // A longer file may keep its new size with nothing in it.
        if (node->now.size() != left.size() && lucky()) left.resize(node->now.size(), '\0');
        const std::size_t unit = lucky() ? 1 : 8;              // torn inside a block, or block by block
        bool keep = false;
        std::size_t last_unit = SIZE_MAX;
        for (const std::size_t index : node->dirty) {
            if (index / unit != last_unit) keep = lucky();
            last_unit = index / unit;
            const std::size_t from = index * sector;
            if (!keep || from >= node->now.size()) continue;
            const std::size_t size = std::min(sector, node->now.size() - from);
            if (left.size() < from + size) left.resize(from + size, '\0');
            left.replace(from, size, node->now, from, size);
        }
        node->now = node->durable = left;
        node->dirty.clear();
        return;
    }
    // Each name that differs went either way. A rename between folders of the same node stays one step: the model
    // keeps the new name if the old one is lost, as a journalling file system does.
    auto left = node->durable_names;
    for (const auto& [name, child] : node->names)
        if (!left.contains(name) || left[name] != child)
            if (lucky()) left[name] = child;
    for (const auto& [name, child] : node->durable_names)
        if (!node->names.contains(name)) {
            const bool renamed = std::any_of(node->names.begin(), node->names.end(),
                                             [&](const auto& other) { return other.second == child; });
            const bool new_name_kept = renamed && std::any_of(left.begin(), left.end(), [&](const auto& other) {
                return other.second == child && other.first != name;
            });
            if (renamed ? new_name_kept : lucky()) left.erase(name);
        }
    node->names = node->durable_names = left;
    for (const auto& [name, child] : node->names) lose_power(child, seen);
}

int ModelSys::root() {
    const std::lock_guard lock(mutex_);
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    open_[fd] = root_;
    return fd;
}

ModelSys::NodePtr ModelSys::at(int fd) {
    const auto found = open_.find(fd);
    return found == open_.end() ? nullptr : found->second;
}

ModelSys::NodePtr ModelSys::find(const std::string& path) const {
    NodePtr node = root_;
    for (std::size_t from = 0; from < path.size();) {
        const std::size_t to = std::min(path.find('/', from), path.size());
        const auto found = node->names.find(path.substr(from, to - from));
        if (found == node->names.end()) return nullptr;
        node = found->second;
        from = to + 1;
    }
    return node;
}

std::string ModelSys::content(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    const auto node = find(path);
    return node ? node->now : "";
}

void ModelSys::overwrite(const std::string& path, std::uint64_t at, std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    const auto node = find(path);
    node->now.replace(at, bytes.size(), bytes);
    node->durable = node->now;
}

std::vector<std::string> ModelSys::names(const std::string& path) const {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    if (const auto node = find(path))
        for (const auto& [name, child] : node->names) names.push_back(name);
    return names;
}

int ModelSys::open(int dir, const std::string& name, int flags) {
    const std::lock_guard lock(mutex_);
    if (fails((flags & O_CREAT) != 0)) return -1;
    const NodePtr parent = at(dir);
    if (!parent) return errno = EBADF, -1;
    NodePtr node = name == "." ? parent : nullptr;
    if (const auto found = parent->names.find(name); found != parent->names.end()) {
        if ((flags & O_EXCL) != 0) return errno = EEXIST, -1;
        node = found->second;
        if ((flags & O_TRUNC) != 0) node->now.clear();
    } else if (!node && (flags & O_CREAT) != 0) {
        node = std::make_shared<Node>();
        parent->names[name] = node;
    }
    if (!node) return errno = ENOENT, -1;
    const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    open_[fd] = node;
    return fd;
}

ssize_t ModelSys::pwrite(int fd, const void* data, std::size_t size, std::uint64_t offset) {
    const std::lock_guard lock(mutex_);
    const auto node = at(fd);
    const bool failed = fails(true);
    // The call the power goes in may have written some of it.
    if (failed && !(down_ && calls_ == fault_at_)) return -1;
    if (cut_short_ || failed) size = size > 1 ? random_() % size + (failed ? 0 : 1) : size;
    if (node->now.size() < offset + size) node->now.resize(offset + size, '\0');
    node->now.replace(offset, size, static_cast<const char*>(data), size);
    for (std::size_t s = offset / sector; s * sector < offset + size; ++s) node->dirty.insert(s);
    node->changed = ++clock_;
    return failed ? (errno = EIO, -1) : static_cast<ssize_t>(size);
}

ssize_t ModelSys::pread(int fd, void* data, std::size_t size, std::uint64_t offset) {
    const std::lock_guard lock(mutex_);
    if (fails()) return -1;
    const auto node = at(fd);
    if (offset >= node->now.size()) return 0;
    size = std::min<std::size_t>(size, node->now.size() - offset);
    std::memcpy(data, node->now.data() + offset, size);
    return static_cast<ssize_t>(size);
}

int ModelSys::allocate(int fd, std::uint64_t size) {
    const std::lock_guard lock(mutex_);
    if (fails(true)) return -1;
    const auto node = at(fd);
    if (node->now.size() < size) node->now.resize(size, '\0');
    return 0;
}

void ModelSys::flush(Node& node) {
    node.durable.resize(node.now.size(), '\0');
    for (const std::size_t index : node.dirty) {
        const std::size_t from = index * sector;
        if (from < node.now.size()) node.durable.replace(from, sector, node.now, from, sector);
    }
    node.dirty.clear();
    node.durable_names = node.names;
}

int ModelSys::fdatasync(int fd) {
    const std::lock_guard lock(mutex_);
    const auto node = at(fd);
    if (node->folder && refuses_folder_sync) return errno = EIO, -1;
    if (fails(true)) {
        // As Linux does: the error is told once, the pages are clean from then on and not on the disk.
        if (!down_) node->dirty.clear();
        return -1;
    }
    flush(*node);
    return 0;
}

int ModelSys::fsync(int fd) { return fdatasync(fd); }

int ModelSys::rename(int from_dir, const std::string& from, int to_dir, const std::string& to) {
    const std::lock_guard lock(mutex_);
    if (fails(true)) return -1;
    const auto source = at(from_dir), target = at(to_dir);
    const auto found = source->names.find(from);
    if (found == source->names.end()) return errno = ENOENT, -1;
    const auto node = found->second;
    source->names.erase(found);
    target->names[to] = node;
    if (source != target && source->durable_names.contains(from)) {   // one transaction: both folders or neither
        source->durable_names.erase(from);
        target->durable_names[to] = node;
    }
    return 0;
}

int ModelSys::unlink(int dir, const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (fails(true)) return -1;
    if (refuses_unlink) return errno = EIO, -1;
    if (at(dir)->names.erase(name) == 0) return errno = ENOENT, -1;
    return 0;
}

int ModelSys::make_dir(int dir, const std::string& name) {
    const std::lock_guard lock(mutex_);
    if (fails(true)) return -1;
    auto& names = at(dir)->names;
    if (names.contains(name)) return errno = EEXIST, -1;
    names[name] = folder();
    return 0;
}

int ModelSys::stat(int fd, FileInfo& info) {
    const std::lock_guard lock(mutex_);
    if (fails()) return -1;
    const auto node = at(fd);
    info = {node->now.size(), !node->folder, node->changed};
    return 0;
}

int ModelSys::list(int dir, std::vector<std::string>& names) {
    const std::lock_guard lock(mutex_);
    if (fails()) return -1;
    for (const auto& [name, child] : at(dir)->names) names.push_back(name);
    return 0;
}

int ModelSys::lock(int) {
    const std::lock_guard lock(mutex_);
    return fails() ? -1 : 0;
}

int ModelSys::read_lease(int, bool) {
    const std::lock_guard lock(mutex_);
    return fails() ? -1 : 0;
}

int ModelSys::free_bytes(int, std::uint64_t& bytes) {
    const std::lock_guard lock(mutex_);
    if (fails()) return -1;
    bytes = free;
    return 0;
}

} // namespace postern::qmgr
