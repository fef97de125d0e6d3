// Flushes what the store wrote, on a thread of its own: a flush takes a millisecond on a quiet disk and a hundred
// on a busy one, which no session should wait for but those that asked for it.
#pragma once

#include "libcommon/owned.h"
#include "libcommon/result.h"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace postern::store {

struct SyncJob {
    std::vector<Fd> files;              // files and directories, flushed one by one
    bool file_system = false;           // all of it
    std::string index;                  // one whose WAL is folded back
    std::function<void(Result<void>)> done;
};

class SyncWorker {
  public:
    // `post` runs a task on the store's thread; empty: add() flushes at once and calls `done` itself.
    SyncWorker(int root, std::function<void(std::function<void()>)> post);
    ~SyncWorker();                      // finishes what was added; their `done` may still be posted

    void add(SyncJob job);
    std::size_t pending() const { return pending_; }    // added and not done

  private:
    void work();
    Result<void> flush_file_system() const;
    void finished(SyncJob job, Result<void> result);

    int root_;
    std::function<void(std::function<void()>)> post_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
    std::size_t pending_ = 0;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<SyncJob> jobs_;
    bool stop_ = false;
    std::thread thread_;
};

} // namespace postern::store
