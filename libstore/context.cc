#include "libstore/context.h"

#include "libstore/sys.h"

#include <chrono>

namespace postern::store {

std::int64_t Context::now() const {
    if (options.now) return options.now();
    using namespace std::chrono;
    return duration_cast<seconds>(system_clock::now().time_since_epoch()).count();
}

void Context::carry_out(std::shared_ptr<Work> work) {
    if (!options.post) {
        while (work->step()) {}
        return;
    }
    options.post([this, alive = alive_, work = std::move(work)]() mutable {
        if (*alive && work->step()) carry_out(std::move(work));
    });
}

std::uint64_t Context::flush(std::function<void(Result<void>)> done) {
    const std::uint64_t number = ++started_;
    changed_ = false;
    SyncJob job;
    job.file_system = !sync_each();
    job.files = std::exchange(kept_, {});
    job.done = [this, number, covered = std::exchange(epoch_deliveries_, {}), done = std::move(done)](Result<void> result) mutable {
        flush_ended(number, std::move(covered), result);
        done(std::move(result));
    };
    worker->add(std::move(job));
    return number;
}

void Context::flush_ended(std::uint64_t number, std::vector<Delivered> covered, const Result<void>& result) {
    if (result) {
        flushed_ = std::max(flushed_, number);
        return;
    }
    changed_ = true;
    suspects_.insert(covered.begin(), covered.end());
}

Result<void> Context::flush_now() {
    const std::uint64_t number = ++started_;
    auto done = sys::sync_file_system(root.get());
    if (done) flushed_ = std::max(flushed_, number);
    return done;
}

} // namespace postern::store
