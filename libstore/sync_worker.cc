#include "libstore/sync_worker.h"

#include "libstore/index.h"
#include "libstore/sys.h"

namespace postern::store {
namespace {

Result<void> do_job(const SyncJob& job) {
    for (const Fd& file : job.files)
        if (auto done = sys::sync_file(file.get()); !done) return done;
    if (!job.index.empty()) return Index::fold_wal(job.index);
    return {};
}

} // namespace

SyncWorker::SyncWorker(int root, std::function<void(std::function<void()>)> post) : root_(root), post_(std::move(post)) {
    if (post_) thread_ = std::thread([this] { work(); });
}

SyncWorker::~SyncWorker() {
    *alive_ = false;
    if (!thread_.joinable()) return;
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void SyncWorker::add(SyncJob job) {
    if (!post_) {
        const Result<void> result = job.file_system ? flush_file_system() : do_job(job);
        job.done(result);
        return;
    }
    ++pending_;
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
}

// Takes all that waits: one flush of the file system answers everybody who wanted one before it began.
void SyncWorker::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return stop_ || !jobs_.empty(); });
        if (jobs_.empty()) return;
        std::vector<SyncJob> batch;
        batch.swap(jobs_);
        lock.unlock();
        bool whole = false;
        for (const SyncJob& job : batch) whole = whole || job.file_system;
        const Result<void> flushed = whole ? flush_file_system() : Result<void>();
        for (SyncJob& job : batch) {
            // A file's own flush reports its own error; after a good flush of everything it has nothing to do.
            const bool covered = job.file_system || (whole && flushed.ok() && job.index.empty());
            Result<void> result = covered ? flushed : do_job(job);
            finished(std::move(job), std::move(result));
        }
        lock.lock();
    }
}

Result<void> SyncWorker::flush_file_system() const { return sys::sync_file_system(root_); }

void SyncWorker::finished(SyncJob job, Result<void> result) {
    auto done = std::make_shared<std::pair<SyncJob, Result<void>>>(std::move(job), std::move(result));
    post_([this, alive = alive_, done] {
        if (!*alive) return;
        --pending_;
        done->first.done(std::move(done->second));
    });
}

} // namespace postern::store
