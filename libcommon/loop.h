// The event loop: one per process, no locks on it. A thin ownership layer over libevent; callbacks run on the
// loop's thread and never inside the call that armed them.
#pragma once

#include "libcommon/owned.h"
#include "libcommon/result.h"

#include <chrono>
#include <functional>
#include <memory>

struct event;
struct event_base;

namespace postern {

class Loop {
  public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    void run();    // until stop()
    void stop();   // from a callback

    // Runs `task` after the current callback has returned, in order, before waiting for anything else.
    void defer(std::function<void()> task);

    // Runs `task` on the loop from any thread: the one entry other threads have.
    void post(std::function<void()> task);

    // Runs `hook` at the end of each turn in which something happened: where output is flushed in one go.
    void at_turn_end(std::function<void()> hook);

    event_base* base() { return base_.get(); }

  private:
    struct Impl;
    std::unique_ptr<event_base, void (*)(event_base*)> base_;
    std::unique_ptr<Impl> impl_;
};

// Calls back once or again and again; destroyed or cancelled, never again.
class Timer {
  public:
    Timer(Loop& loop, std::function<void()> callback);
    ~Timer();
    Timer(Timer&&) = delete;

    void once(std::chrono::milliseconds delay);    // replaces what was set
    void every(std::chrono::milliseconds period);
    void cancel();
    bool armed() const { return armed_; }

  private:
    static void fired(int, short, void* self);
    std::unique_ptr<event, void (*)(event*)> event_;
    std::shared_ptr<const std::function<void()>> callback_;   // shared: it may destroy its owner while it runs
    bool armed_ = false;
    bool repeats_ = false;
};

// Calls back while a descriptor is readable or writable. Does not own the descriptor, which must outlive it.
class Watch {
  public:
    enum class For { read, write };
    Watch(Loop& loop, int fd, For what, std::function<void()> callback);
    ~Watch();
    Watch(Watch&&) = delete;

    void enable();
    void disable();

  private:
    static void fired(int, short, void* self);
    std::unique_ptr<event, void (*)(event*)> event_;
    std::shared_ptr<const std::function<void()>> callback_;   // shared: it may destroy its owner while it runs
    bool enabled_ = false;
};

// Calls back on the loop when the process gets the signal.
class SignalWatch {
  public:
    SignalWatch(Loop& loop, int signal, std::function<void()> callback);
    ~SignalWatch();
    SignalWatch(SignalWatch&&) = delete;

  private:
    static void fired(int, short, void* self);
    std::unique_ptr<event, void (*)(event*)> event_;
    std::shared_ptr<const std::function<void()>> callback_;   // shared: it may destroy its owner while it runs
};

} // namespace postern
