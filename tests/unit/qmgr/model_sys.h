// A file layer in memory that knows what a power cut would leave: file contents up to the last flush plus any
// subset of the blocks written since, names up to the folder's last flush plus any subset of the changes since.
// The N-th call can fail, be cut short, or be where the power goes.
#pragma once

#include "qmgr/journal/sys.h"

#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <set>

namespace postern::qmgr {

class ModelSys final : public Sys {
  public:
    enum class Fault { none, eio, enospc, short_write, power_cut, kill };

    explicit ModelSys(std::uint32_t seed = 1) : random_(seed) {}

    // The N-th call from now on (1 is the next) meets the fault. EIO and ENOSPC last for `times` calls.
    void arm(Fault fault, std::uint64_t n, std::uint64_t times = 1);
    std::uint64_t calls() const { return calls_; }
    bool is_down() const { return down_; }     // since a power cut or kill every call fails

    // What a new process finds: after `power` only what survived, else everything that was written.
    void restart(bool power);

    int root();                                // a descriptor of the top folder
    // For tests that look or damage: content of a file now; empty when it is not there.
    std::string content(const std::string& path) const;
    void overwrite(const std::string& path, std::uint64_t at, std::string_view bytes);
    std::vector<std::string> names(const std::string& folder) const;
    std::uint64_t free = 1ULL << 40;
    bool refuses_unlink = false, refuses_folder_sync = false;   // until told otherwise

    int open(int dir, const std::string& name, int flags) override;
    ssize_t pwrite(int fd, const void* data, std::size_t size, std::uint64_t at) override;
    ssize_t pread(int fd, void* data, std::size_t size, std::uint64_t at) override;
    int allocate(int fd, std::uint64_t size) override;
    int fdatasync(int fd) override;
    int fsync(int fd) override;
    int rename(int from_dir, const std::string& from, int to_dir, const std::string& to) override;
    int unlink(int dir, const std::string& name) override;
    int make_dir(int dir, const std::string& name) override;
    int stat(int fd, FileInfo& info) override;
    int list(int dir, std::vector<std::string>& names) override;
    int lock(int fd) override;
    int read_lease(int fd, bool take) override;
    int free_bytes(int dir, std::uint64_t& bytes) override;

  private:
    static constexpr std::size_t sector = 512;
    struct Node {
        bool folder = false;
        std::string now, durable;                                // a file's content
        std::set<std::size_t> dirty;                             // sectors written since the last flush
        std::map<std::string, std::shared_ptr<Node>> names, durable_names;
        std::int64_t changed = 0;
    };
    using NodePtr = std::shared_ptr<Node>;

    bool fails(bool writes = false);                             // counts the call; true: errno is set
    NodePtr at(int fd);
    NodePtr find(const std::string& path) const;
    void flush(Node& node);
    void lose_power(const NodePtr& folder, std::set<Node*>& seen);

    mutable std::recursive_mutex mutex_;
    NodePtr root_ = folder();
    static NodePtr folder() { auto node = std::make_shared<Node>(); node->folder = true; return node; }
    std::map<int, NodePtr> open_;
    std::mt19937 random_;
    Fault fault_ = Fault::none;
    std::uint64_t calls_ = 0, fault_at_ = 0, fault_times_ = 0;
    bool down_ = false, cut_short_ = false;
    std::int64_t clock_ = 0;
};

} // namespace postern::qmgr
