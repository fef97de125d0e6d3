#include "libcommon/loop.h"

#include <catch2/catch.hpp>
#include <string>
#include <sys/eventfd.h>
#include <thread>
#include <unistd.h>

using namespace postern;
using namespace std::chrono_literals;

namespace {

// A test that waits for what never comes ends here and says so, instead of hanging.
struct Guarded {
    Loop loop;
    bool late = false;
    Timer limit{loop, [this] {
                    late = true;
                    loop.stop();
                }};

    Guarded() { limit.once(5s); }
    void run() {
        loop.run();
        REQUIRE_FALSE(late);
    }
};

} // namespace

TEST_CASE("deferred work is done although a descriptor stays readable") {
    Guarded guarded;
    const Fd always(::eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK));
    int turns = 0;
    Watch watch(guarded.loop, always.get(), Watch::For::read, [&] { ++turns; });
    watch.enable();
    guarded.loop.defer([&] { guarded.loop.stop(); });
    guarded.run();
    CHECK(turns <= 1);                        // one look at the descriptors, then the deferred work
}

TEST_CASE("deferred work runs in order, and what it defers runs a turn later") {
    Guarded guarded;
    std::string order;
    guarded.loop.at_turn_end([&] { order += '|'; });
    guarded.loop.defer([&] {
        order += 'a';
        guarded.loop.defer([&] {
            order += 'c';
            guarded.loop.stop();
        });
    });
    guarded.loop.defer([&] { order += 'b'; });
    guarded.run();
    CHECK(order == "ab|c|");
}

TEST_CASE("another thread's work runs on the loop") {
    Guarded guarded;
    std::thread::id ran;
    std::thread other([&] {
        guarded.loop.post([&] {
            ran = std::this_thread::get_id();
            guarded.loop.stop();
        });
    });
    guarded.run();
    other.join();
    CHECK(ran == std::this_thread::get_id());
}

TEST_CASE("a timer may be destroyed by its own callback, and a cancelled one is silent") {
    Guarded guarded;
    Timer silent(guarded.loop, [] { FAIL("it was cancelled"); });
    silent.once(0ms);
    silent.cancel();
    auto own = std::make_unique<Timer>(guarded.loop, [] {});
    own = std::make_unique<Timer>(guarded.loop, [&] {
        own.reset();
        guarded.loop.stop();
    });
    own->once(1ms);
    guarded.run();
    CHECK_FALSE(own);
    CHECK_FALSE(silent.armed());
}

TEST_CASE("a repeating timer fires until it is cancelled") {
    Guarded guarded;
    int fired = 0;
    Timer timer(guarded.loop, [&] {
        if (++fired < 3) return;
        timer.cancel();
        guarded.loop.stop();
    });
    timer.every(1ms);
    guarded.run();
    CHECK(fired == 3);
    CHECK_FALSE(timer.armed());
}
