// Keeps history beside the loop: events collect here, a thread of low priority writes them and answers questions. The
// loop never waits for it: when the thread falls behind, the least important events are not kept, and are counted.
#pragma once

#include "libcommon/loop.h"
#include "logd/explain.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace postern::logd {

class Recorder {
  public:
    // Of bytes that wait for the thread, how many may there be for an event of this level to join them.
    static constexpr std::size_t room_for[] = {2U << 20, 4U << 20, 6U << 20, 8U << 20};   // debug, info, warning, error
    static constexpr std::size_t max_questions = 4;
    static constexpr std::size_t batch_bytes = 64 * 1024;

    struct Answer {
        Explanation explanation;
        std::int64_t history_from_us = 0;
    };

    Recorder(Loop& loop, History::Options options);
    ~Recorder();                     // what came before is written
    Recorder(const Recorder&) = delete;

    void keep(std::string_view source, std::string_view encoded_record, const log::LogRecord& record);
    // False: too many ask already, or nothing is kept. Else `done` is called on the loop. What was kept before is in the answer.
    bool ask(std::string key, std::int64_t since_us, std::function<void(Answer)> done);
    bool enabled() const { return options_.max_bytes != 0; }

    std::size_t waiting_bytes();

  private:
    using Task = std::function<void(History&)>;

    void hand_over();
    void submit(Task task, std::size_t bytes);
    void run();
    void write(History& history, const Batch& batch);
    void tell(std::string problem);

    Loop& loop_;
    History::Options options_;
    Timer hand_over_;                // what came meanwhile goes to the thread in one piece
    Batch batch_;
    std::size_t questions_ = 0;
    std::shared_ptr<bool> alive_;    // for what the thread posted and the loop has not run yet

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::pair<Task, std::size_t>> tasks_;
    std::size_t waiting_ = 0;        // bytes of events in tasks_
    bool stopping_ = false;
    bool failing_ = false;           // the thread's own: the last write failed, and that was told
    std::thread thread_;
};

} // namespace postern::logd
