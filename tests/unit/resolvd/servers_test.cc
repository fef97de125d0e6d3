#include "resolvd/servers.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::dns;
using namespace std::chrono_literals;

namespace {

Server server(const char* address) { return {*IpAddress::parse(address), 53, false}; }
using Order = std::vector<std::size_t>;

} // namespace

TEST_CASE("servers are asked in their order, those that were silent last") {
    Servers servers({server("192.0.2.1"), server("192.0.2.2"), server("192.0.2.3")});
    const Servers::Time start{1h};
    CHECK(servers.order(start) == Order{0, 1, 2});
    CHECK(servers.was_silent(0, start));
    CHECK(servers.order(start) == Order{1, 2, 0});
    CHECK(servers.was_silent(1, start));
    CHECK(servers.order(start) == Order{2, 0, 1});
    CHECK(servers.was_silent(2, start));
    CHECK(servers.order(start) == Order{0, 1, 2});               // all of them: as if none
    CHECK(servers.answered(0));
    CHECK_FALSE(servers.answered(0));
    CHECK(servers.order(start + Servers::first_rest) == Order{0, 1, 2});
}

TEST_CASE("a server rests longer each time, up to a minute") {
    Servers servers({server("192.0.2.1"), server("192.0.2.2")});
    Servers::Time now{1h};
    for (const auto rest : {5s, 10s, 20s, 40s, 60s, 60s, 60s}) {
        CHECK(servers.was_silent(0, now) == (rest == 5s));       // news the first time only
        CHECK_FALSE(servers.was_silent(0, now + 1s));            // asked at the same time as the one before
        CHECK(servers.order(now + rest - 1ms) == Order{1, 0});
        now += rest;
        CHECK(servers.order(now) == Order{0, 1});                // one question tries it again,
        CHECK(servers.order(now + 1s) == Order{1, 0});           // the others wait for what it finds
        now += 3s;
    }
    CHECK(servers.answered(0));
    CHECK(servers.order(now) == Order{0, 1});
    CHECK(servers.order(now) == Order{0, 1});
    CHECK(servers.was_silent(0, now));
    CHECK(servers.order(now + 5s) == Order{0, 1});
}

TEST_CASE("a question that tries a server again and is heard of no more keeps nobody from it for long") {
    Servers servers({server("192.0.2.1"), server("192.0.2.2")});
    Servers::Time now{1h};
    CHECK(servers.was_silent(0, now));
    now += Servers::first_rest;
    CHECK(servers.order(now) == Order{0, 1});
    CHECK(servers.order(now + Servers::first_rest) == Order{0, 1});
}

TEST_CASE("how a server is shown") {
    CHECK(server("192.0.2.1").text() == "192.0.2.1:53");
    CHECK(server("2001:db8::1").text() == "[2001:db8::1]:53");
}
