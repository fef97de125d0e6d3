#include "logd/recorder.h"

#include "libcommon/counters.h"
#include "libcommon/log.h"

#include <chrono>
#include <sys/resource.h>

namespace postern::logd {
namespace {

Counter kept_events{"log_history_events_total", "", "Events written to the history"};
Counter dropped_events{"log_history_dropped_total", "", "Events not kept: the history fell behind or could not be written"};
Gauge history_bytes{"log_history_bytes", "", "Size of the history"};
Gauge stored_events{"log_history_events", "", "Events in the history"};

// As long as a killed logd may lose: a fraction of what a person needs to type the question.
constexpr std::chrono::milliseconds hand_over_after(200);
constexpr int low_priority = 5;      // of 19: mail comes first, and still history does not starve

std::int64_t now_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

} // namespace

Recorder::Recorder(Loop& loop, History::Options options)
    : loop_(loop), options_(std::move(options)), hand_over_(loop, [this] { hand_over(); }), alive_(std::make_shared<bool>(true)) {
    if (enabled()) thread_ = std::thread([this] { run(); });
}

Recorder::~Recorder() {
    *alive_ = false;
    if (!thread_.joinable()) return;
    hand_over();
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

void Recorder::keep(std::string_view source, std::string_view encoded_record, const log::LogRecord& record) {
    if (!enabled()) return;
    if (waiting_bytes() + batch_.events.size() > room_for[static_cast<std::size_t>(record.level)]) return dropped_events.add();
    batch_.add(source.substr(0, decltype(Kept::source)::limit), encoded_record, record);
    if (batch_.events.size() >= batch_bytes) hand_over();
    else if (!hand_over_.armed()) hand_over_.once(hand_over_after);
}

std::size_t Recorder::waiting_bytes() {
    const std::lock_guard lock(mutex_);
    return waiting_;
}

void Recorder::hand_over() {
    hand_over_.cancel();
    if (batch_.empty()) return;
    const std::size_t bytes = batch_.events.size();
    submit([this, batch = std::make_shared<const Batch>(std::exchange(batch_, {}))](History& history) { write(history, *batch); }, bytes);
}

bool Recorder::ask(std::string key, std::int64_t since_us, std::function<void(Answer)> done) {
    if (!enabled() || questions_ >= max_questions) return false;
    ++questions_;
    hand_over();                                               // before the question: it is about these, too
    submit([this, key = std::move(key), since_us, done = std::move(done)](History& history) {
        auto answer = std::make_shared<Answer>();
        const std::int64_t oldest = now_us() - options_.max_age_us;
        answer->explanation = explain(history, key, std::max(since_us, oldest));
        answer->history_from_us = history.oldest_us() == 0 ? 0 : std::max(history.oldest_us(), oldest);
        loop_.post([this, alive = alive_, answer, done] {
            if (*alive) --questions_;
            done(std::move(*answer));
        });
    }, 0);
    return true;
}

void Recorder::submit(Task task, std::size_t bytes) {
    {
        const std::lock_guard lock(mutex_);
        tasks_.emplace_back(std::move(task), bytes);
        waiting_ += bytes;
    }
    wake_.notify_one();
}

// ---- the thread

void Recorder::run() {
    (void)::setpriority(PRIO_PROCESS, 0, low_priority);        // on Linux: of the calling thread
    History history(options_, [this](std::string problem) { tell(std::move(problem)); });
    if (auto opened = history.open(now_us()); !opened) tell(opened.error().message());
    std::unique_lock lock(mutex_);
    for (;;) {
        wake_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
        if (tasks_.empty()) return;
        auto [task, bytes] = std::move(tasks_.front());
        tasks_.pop_front();
        lock.unlock();
        task(history);
        lock.lock();
        waiting_ -= bytes;
    }
}

void Recorder::write(History& history, const Batch& batch) {
    const auto done = history.append(batch, now_us());
    if (done) kept_events.add(batch.count);
    else dropped_events.add(batch.count);
    if (!done && !failing_) tell(done.error().message());
    failing_ = !done;
    history_bytes.set(static_cast<std::int64_t>(history.bytes()));
    stored_events.set(static_cast<std::int64_t>(history.events()));
}

void Recorder::tell(std::string problem) {
    loop_.post([problem = std::move(problem)] { log::error("log.history.problem", {{"what", problem}}); });
}

} // namespace postern::logd
