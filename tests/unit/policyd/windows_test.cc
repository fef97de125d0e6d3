#include "policyd/decide/tarpit.h"
#include "policyd/decide/windows.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::policy;
using namespace std::chrono_literals;

namespace {
constexpr Rate ten_a_minute{10, 1min};
constexpr Windows::Time start{1000min};
} // namespace

TEST_CASE("a rate lets through what it says, and the time left is the time left") {
    Windows windows(100);
    // As many as fit at any moment, over four minutes: never more than the rate in any stretch of that length.
    std::vector<Windows::Time> passed;
    for (auto now = start; now < start + 4min; now += 500ms) {
        const auto wait = windows.wait("a", ten_a_minute, now);
        if (wait.count() == 0) {
            windows.add("a", ten_a_minute, now);
            passed.push_back(now);
            continue;
        }
        CHECK(windows.wait("a", ten_a_minute, now + wait).count() == 0);
        CHECK(windows.wait("a", ten_a_minute, now + wait - 10ms).count() != 0);
    }
    CHECK(passed.size() >= 35);
    CHECK(passed.size() <= 45);
    for (std::size_t i = 0; i + 14 < passed.size(); ++i) CHECK(passed[i + 14] - passed[i] >= 1min);
}

TEST_CASE("keys are counted apart, and forgotten with time") {
    Windows windows(100);
    windows.add("a", ten_a_minute, start, 10);
    CHECK(windows.wait("a", ten_a_minute, start) > 0ms);
    CHECK(windows.wait("b", ten_a_minute, start) == 0ms);
    CHECK(windows.count("a", ten_a_minute, start + 90s) == Approx(5));
    CHECK(windows.count("a", ten_a_minute, start + 2min) == 0);
}

TEST_CASE("the table is bounded, and a flood of keys does not free those near their limit") {
    Windows windows(1000);
    for (int i = 0; i < 20; ++i) windows.add("heavy" + std::to_string(i), ten_a_minute, start, 9);
    for (int i = 0; i < 100'000; ++i) windows.add("k" + std::to_string(i), ten_a_minute, start);
    CHECK(windows.size() == 1000);
    CHECK(windows.evicted() == 100'020 - 1000);
    for (int i = 0; i < 20; ++i) CHECK(windows.count("heavy" + std::to_string(i), ten_a_minute, start) == 9);
}

TEST_CASE("a rate whose period changes begins anew") {
    Windows windows(10);
    windows.add("a", ten_a_minute, start, 10);
    CHECK(windows.count("a", {10, 1h}, start) == 0);
    windows.add("a", {10, 1h}, start);
    CHECK(windows.count("a", {10, 1h}, start) == 1);
}

TEST_CASE("who guesses recipients waits ever longer, up to a most; others do not") {
    Tarpit tarpit(100);
    tarpit.configure({500ms, 10s});
    tarpit.missed("192.0.2.1", 4, start);
    CHECK(tarpit.delay("192.0.2.1", start) == 0ms);
    tarpit.missed("192.0.2.1", 1, start);
    CHECK(tarpit.delay("192.0.2.1", start) == 500ms);
    tarpit.missed("192.0.2.1", 5, start);
    CHECK(tarpit.delay("192.0.2.1", start) == 1s);
    tarpit.missed("192.0.2.1", 1000, start);
    CHECK(tarpit.delay("192.0.2.1", start) == 10s);
    CHECK(tarpit.delay("192.0.2.2", start) == 0ms);
    CHECK(tarpit.delay("192.0.2.1", start + 3h) == 0ms);
    tarpit.configure({0ms, 10s});
    CHECK(tarpit.delay("192.0.2.1", start) == 0ms);
}
