// Worker threads for what takes 20 ms and 19 MiB: as many as cores, behind a bounded queue. Full means
// "unavailable, try again": a flood of logins costs the flooder its logins, never the loop or the memory.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace postern::authd {

class HashPool {
  public:
    // How results come back: Loop::post, or whatever a test does.
    using Post = std::function<void(std::function<void()>)>;

    HashPool(Post post, unsigned threads, std::size_t max_waiting);
    ~HashPool();   // finishes what runs, drops what waits
    HashPool(const HashPool&) = delete;

    // Runs `work` on a worker, then `done` on the loop. False when the queue is full: neither will run.
    bool submit(std::function<void()> work, std::function<void()> done);

    unsigned threads() const { return static_cast<unsigned>(workers_.size()); }

  private:
    struct Job {
        std::function<void()> work, done;
    };
    void run();

    Post post_;
    std::size_t max_waiting_;
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Job> waiting_;
    bool stopping_ = false;
    std::vector<std::thread> workers_;
};

} // namespace postern::authd
