#include "authd/hash_pool.h"

#include <algorithm>

namespace postern::authd {

HashPool::HashPool(Post post, unsigned threads, std::size_t max_waiting)
    : post_(std::move(post)), max_waiting_(max_waiting) {
    for (unsigned i = 0; i < std::max(1U, threads); ++i) workers_.emplace_back([this] { run(); });
}

HashPool::~HashPool() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
}

bool HashPool::submit(std::function<void()> work, std::function<void()> done) {
    {
        std::lock_guard lock(mutex_);
        if (waiting_.size() >= max_waiting_) return false;
        waiting_.push_back({std::move(work), std::move(done)});
    }
    wake_.notify_one();
    return true;
}

void HashPool::run() {
    for (;;) {
        Job job;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
            if (stopping_) return;
            job = std::move(waiting_.front());
            waiting_.pop_front();
        }
        job.work();
        post_(std::move(job.done));
    }
}

} // namespace postern::authd
