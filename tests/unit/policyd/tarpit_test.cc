#include "policyd/decide/tarpit.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::policy;
using namespace std::chrono_literals;

namespace {
constexpr Windows::Time start{1000min};
} // namespace

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
