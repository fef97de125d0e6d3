#include "libcommon/windows.h"

#include <catch2/catch.hpp>

using namespace postern;
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

TEST_CASE("keys are forgotten by name, the others keep their counts") {
    Windows windows(100);
    for (int i = 0; i < 50; ++i) windows.add("k" + std::to_string(i), ten_a_minute, start, static_cast<std::uint64_t>(i));
    CHECK(windows.forget([](std::string_view key) { return key.ends_with('7'); }) == 5);
    CHECK(windows.size() == 45);
    for (int i = 0; i < 50; ++i) CHECK(windows.count("k" + std::to_string(i), ten_a_minute, start) == (i % 10 == 7 ? 0 : i));
    CHECK(windows.forget([](std::string_view) { return true; }) == 45);
    windows.add("again", ten_a_minute, start);
    CHECK(windows.count("again", ten_a_minute, start) == 1);
}
