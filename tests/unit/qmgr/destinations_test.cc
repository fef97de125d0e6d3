#include "qmgr/destinations.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::qmgr;
using std::chrono::minutes;
using std::chrono::seconds;

namespace {

QueueId id(std::uint32_t number) { return {1, 1, number}; }

struct Outbound {
    Destinations destinations{{5, minutes(1), minutes(30)}};
    Destinations::Time now{minutes(100)};
    DestinationLimits limits{20, {}};
    std::uint32_t slots = 100;

    void put(const std::string& name, std::uint32_t first, std::uint32_t count, Priority priority = Priority::bulk) {
        for (std::uint32_t i = 0; i < count; ++i) destinations.put(name, limits, priority, id(first + i));
    }
    std::vector<Destinations::Choice> start_all(std::size_t most = 1000) {
        std::vector<Destinations::Choice> started;
        while (started.size() < most) {
            auto choice = destinations.next(slots);
            if (!choice) break;
            destinations.started(choice->name);
            started.push_back(std::move(*choice));
        }
        return started;
    }
    void end(const std::string& name, ipc::Reach reach) { destinations.finished(name, reach, "because", now, now.count() / 1000); }
    void wait(Destinations::Time time) { destinations.tick(now += time); }
    // Three deliveries that did not get there.
    void take_down(const std::string& name) {
        put(name, 1, 10);
        const auto out = start_all();
        for (std::size_t i = 0; i < out.size(); ++i) end(name, ipc::Reach::unreachable);
    }
    Destinations::View view(const std::string& name) const { return destinations.view(name).value_or(Destinations::View{}); }
};

} // namespace

TEST_CASE("a destination that answers gets more at once, up to its limit") {
    Outbound outbound;
    outbound.limits.concurrency = 8;
    outbound.put("a.test", 1, 200);
    std::size_t out = outbound.start_all().size();
    CHECK(out == 5);
    for (int i = 0; i < 100; ++i) {
        outbound.end("a.test", ipc::Reach::answered);
        out += outbound.start_all().size() - 1;
        CHECK(out <= 8);
    }
    CHECK(out == 8);
}

TEST_CASE("one that cannot be reached is left alone, then probed with one delivery") {
    Outbound outbound;
    outbound.take_down("dead.test");
    CHECK(outbound.view("dead.test").state == Destinations::State::down);
    CHECK(outbound.start_all().empty());
    outbound.wait(seconds(59));
    CHECK(outbound.start_all().empty());
    outbound.wait(minutes(4));
    CHECK(outbound.view("dead.test").state == Destinations::State::probing);
    REQUIRE(outbound.start_all().size() == 1);
    SECTION("it does not answer: for longer, to a most") {
        Destinations::Time before{};
        for (int i = 0; i < 12; ++i) {
            outbound.end("dead.test", ipc::Reach::unreachable);
            const auto pause = outbound.view("dead.test").paused_until - outbound.now;
            CHECK(pause >= before);
            CHECK(pause <= minutes(30));
            before = pause;
            outbound.wait(pause);
            outbound.put("dead.test", 100 + static_cast<std::uint32_t>(i), 1);
            REQUIRE(outbound.start_all().size() == 1);
        }
        CHECK(before == minutes(30));
    }
    SECTION("it answers: all goes, one more with each answer") {
        outbound.end("dead.test", ipc::Reach::answered);
        CHECK(outbound.view("dead.test").state == Destinations::State::up);
        CHECK(outbound.start_all().size() == 2);
    }
    SECTION("an operator does not wait") {
        outbound.end("dead.test", ipc::Reach::unreachable);
        outbound.put("dead.test", 50, 1);
        outbound.destinations.probe_now("dead.test");
        CHECK(outbound.start_all().size() == 1);
    }
}

TEST_CASE("a hundred thousand messages for a dead host leave the others their turn") {
    Outbound outbound;
    for (std::uint32_t i = 0; i < 100'000; ++i) outbound.destinations.put("dead.test", outbound.limits, Priority::bulk, id(i));
    outbound.start_all();
    for (int i = 0; i < 5; ++i) outbound.end("dead.test", ipc::Reach::unreachable);
    outbound.put("live.test", 200'000, 1, Priority::person);
    const auto started = outbound.start_all();
    REQUIRE(started.size() == 1);
    CHECK(started.front().name == "live.test");
}

TEST_CASE("hosts that failed share half of the slots") {
    Outbound outbound;
    outbound.slots = 10;
    for (int i = 0; i < 100; ++i) outbound.put("d" + std::to_string(i) + ".test", static_cast<std::uint32_t>(i), 2);
    for (auto out = outbound.start_all(100); !out.empty(); out.clear())
        for (const auto& choice : out) outbound.end(choice.name, ipc::Reach::unreachable);
    CHECK(outbound.start_all(100).size() == 5);
    outbound.put("live.test", 1000, 3);
    CHECK(outbound.start_all(100).size() == 3);
}

TEST_CASE("a person's letter goes before a thousand of a list, and the list goes on") {
    Outbound outbound;
    outbound.limits.concurrency = 1;
    outbound.put("a.test", 1, 1000, Priority::bulk);
    outbound.put("a.test", 5000, 20, Priority::person);
    std::size_t person = 0, bulk = 0;
    for (int i = 0; i < 20; ++i) {
        const auto started = outbound.start_all(1);
        REQUIRE(started.size() == 1);
        ++(started.front().id.offset >= 5000 ? person : bulk);
        outbound.end("a.test", ipc::Reach::answered);
    }
    CHECK(person == 16);
    CHECK(bulk == 4);
}

TEST_CASE("a rate is kept") {
    Outbound outbound;
    outbound.limits.rate = {60, minutes(1)};
    outbound.put("slow.test", 1, 100);
    std::size_t sent = 0;
    for (int i = 0; i < 30; ++i) {
        sent += outbound.start_all().size();
        if (sent > 0) outbound.end("slow.test", ipc::Reach::answered);
        outbound.wait(seconds(1));
    }
    CHECK(sent == 30);
}

TEST_CASE("nothing goes to a frozen destination until it is thawed") {
    Outbound outbound;
    outbound.destinations.freeze("a.test", true);
    outbound.put("a.test", 1, 3);
    CHECK(outbound.start_all().empty());
    CHECK(outbound.view("a.test").frozen);
    outbound.destinations.freeze("a.test", false);
    CHECK(outbound.start_all().size() == 3);
}

TEST_CASE("who is busy is left alone at once") {
    Outbound outbound;
    outbound.put("busy.test", 1, 10);
    CHECK(outbound.start_all().size() == 5);
    outbound.end("busy.test", ipc::Reach::busy);
    CHECK(outbound.start_all().empty());
    outbound.wait(minutes(1));
    CHECK(outbound.view("busy.test").state == Destinations::State::down);      // four are still out
    for (int i = 0; i < 4; ++i) outbound.end("busy.test", ipc::Reach::answered);
    CHECK_FALSE(outbound.start_all().empty());
}

TEST_CASE("what is over is forgotten") {
    Outbound outbound;
    for (int i = 0; i < 1000; ++i) {
        const std::string name = "d" + std::to_string(i) + ".test";
        outbound.put(name, static_cast<std::uint32_t>(i), 1);
        outbound.start_all();
        outbound.end(name, i % 2 == 0 ? ipc::Reach::answered : ipc::Reach::unreachable);
    }
    CHECK(outbound.destinations.after("", 2000).size() == 500);
    outbound.wait(minutes(31));
    CHECK(outbound.destinations.after("", 2000).empty());
}
