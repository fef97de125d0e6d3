#include "libcommon/loop.h"

#include <cstdlib>
#include <deque>
#include <event2/event.h>
#include <mutex>
#include <sys/eventfd.h>
#include <unistd.h>
#include <vector>

namespace postern {
namespace {

timeval to_timeval(std::chrono::milliseconds delay) {
    const auto ms = delay.count() < 0 ? 0 : delay.count();
    return {static_cast<time_t>(ms / 1000), static_cast<suseconds_t>(ms % 1000 * 1000)};
}

event* must(event* made) {
    if (!made) std::abort();   // libevent had no memory
    return made;
}

} // namespace

struct Loop::Impl {
    bool stopping = false;
    std::deque<std::function<void()>> deferred;
    std::vector<std::function<void()>> turn_end;

    std::mutex mutex;                            // guards `posted` only
    std::vector<std::function<void()>> posted;
    Fd wakeup;
    std::unique_ptr<event, void (*)(event*)> wakeup_event{nullptr, event_free};

    void run_deferred() {
        for (auto left = deferred.size(); left > 0 && !deferred.empty(); --left) {   // what they defer runs next turn
            auto task = std::move(deferred.front());
            deferred.pop_front();
            task();
        }
    }
    static void woken(int fd, short, void* self) {
        auto& impl = *static_cast<Impl*>(self);
        std::uint64_t count;
        while (::read(fd, &count, sizeof count) > 0) {}
        std::vector<std::function<void()>> tasks;
        {
            const std::lock_guard lock(impl.mutex);
            tasks.swap(impl.posted);
        }
        for (auto& task : tasks) task();
    }
};

Loop::Loop() : base_(nullptr, event_base_free), impl_(std::make_unique<Impl>()) {
    Owned<event_config, event_config_free> config(event_config_new());
    event_config_set_flag(config.get(), EVENT_BASE_FLAG_NOLOCK);
    base_.reset(event_base_new_with_config(config.get()));
    if (!base_) std::abort();
    impl_->wakeup = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    impl_->wakeup_event.reset(
        must(event_new(base_.get(), impl_->wakeup.get(), EV_READ | EV_PERSIST, &Impl::woken, impl_.get())));
    event_add(impl_->wakeup_event.get(), nullptr);
}

Loop::~Loop() { impl_.reset(); }

void Loop::run() {
    impl_->stopping = false;
    while (!impl_->stopping) {
        // Without EVLOOP_ONCE a descriptor that stays ready would keep libevent to itself, and the deferred work waiting.
        event_base_loop(base_.get(), impl_->deferred.empty() ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
        impl_->run_deferred();
        for (auto& hook : impl_->turn_end) hook();
    }
}

void Loop::stop() {
    impl_->stopping = true;
    event_base_loopbreak(base_.get());
}

void Loop::defer(std::function<void()> task) { impl_->deferred.push_back(std::move(task)); }

void Loop::post(std::function<void()> task) {
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->posted.push_back(std::move(task));
    }
    const std::uint64_t one = 1;
    (void)!::write(impl_->wakeup.get(), &one, sizeof one);   // full means a wake-up is on its way already
}

void Loop::at_turn_end(std::function<void()> hook) { impl_->turn_end.push_back(std::move(hook)); }

Timer::Timer(Loop& loop, std::function<void()> callback)
    : event_(must(event_new(loop.base(), -1, EV_PERSIST, &Timer::fired, this)), event_free),
      callback_(std::make_shared<const std::function<void()>>(std::move(callback))) {}
Timer::~Timer() = default;

void Timer::fired(int, short, void* self) {
    auto& timer = *static_cast<Timer*>(self);
    if (!timer.repeats_) timer.cancel();
    const auto callback = timer.callback_;
    (*callback)();
}

void Timer::once(std::chrono::milliseconds delay) {
    const timeval tv = to_timeval(delay);
    repeats_ = false;
    armed_ = event_add(event_.get(), &tv) == 0;
}

void Timer::every(std::chrono::milliseconds period) {
    const timeval tv = to_timeval(period);
    repeats_ = true;
    armed_ = event_add(event_.get(), &tv) == 0;
}

void Timer::cancel() {
    event_del(event_.get());
    armed_ = false;
}

Watch::Watch(Loop& loop, int fd, For what, std::function<void()> callback)
    : event_(must(event_new(loop.base(), fd, static_cast<short>((what == For::read ? EV_READ : EV_WRITE) | EV_PERSIST),
                            &Watch::fired, this)),
             event_free),
      callback_(std::make_shared<const std::function<void()>>(std::move(callback))) {}
Watch::~Watch() = default;

void Watch::fired(int, short, void* self) {
    const auto callback = static_cast<Watch*>(self)->callback_;
    (*callback)();
}

void Watch::enable() {
    if (!enabled_) event_add(event_.get(), nullptr);
    enabled_ = true;
}

void Watch::disable() {
    if (enabled_) event_del(event_.get());
    enabled_ = false;
}

SignalWatch::SignalWatch(Loop& loop, int signal, std::function<void()> callback)
    : event_(must(evsignal_new(loop.base(), signal, &SignalWatch::fired, this)), event_free),
      callback_(std::make_shared<const std::function<void()>>(std::move(callback))) {
    event_add(event_.get(), nullptr);
}
SignalWatch::~SignalWatch() = default;

void SignalWatch::fired(int, short, void* self) {
    const auto callback = static_cast<SignalWatch*>(self)->callback_;
    (*callback)();
}

} // namespace postern
