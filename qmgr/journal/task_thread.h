// A thread that does one thing after another, for work that may block: flushes, checksums, copies. Not started, it
// is a queue that its owner empties by hand: how tests get a spool whose every step happens in a known order.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace postern::qmgr {

class TaskThread {
  public:
    TaskThread() = default;
    ~TaskThread() { stop(); }
    TaskThread(const TaskThread&) = delete;
    TaskThread& operator=(const TaskThread&) = delete;

    void start();
    void stop();                                 // after what was submitted has run
    void submit(std::function<void()> task);     // from any thread
    bool run_one();                              // when not started: false, nothing waits

  private:
    void run();

    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::function<void()>> tasks_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace postern::qmgr
