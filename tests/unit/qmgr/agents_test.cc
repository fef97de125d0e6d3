// Who gets what next, where it matters to whom: a message for another host goes to the agent that has a connection there.
#include "qmgr/agents.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::qmgr;
using ipc::AgentKind;

namespace {

constexpr AgentId one = 1, two = 2;

// Agents take turns where nothing else counts, and `one` has the first.
struct World {
    Agents agents{Destinations::Options{}};
    std::uint32_t numbers = 0;
    JobId jobs = 0;

    explicit World(std::uint32_t slots_of_one = 10) {
        agents.up(one, AgentKind::smtp_out, slots_of_one);
        agents.up(two, AgentKind::smtp_out, 10);
    }
    struct Begun {
        AgentId agent = 0;
        JobId job = 0;
        bool is_suspect = false;
    };
    void put(const std::string& destination) {
        agents.destinations().put(destination, DestinationLimits{}, Priority::person, QueueId{1, 1, ++numbers});
    }
    Begun begin() {
        const auto choice = agents.next({});
        REQUIRE(choice);
        agents.start(*choice, ++jobs, choice->lane.value_or(Lane{AgentKind::smtp_out, 0, "a.test"}));
        return {choice->agent, jobs, !choice->lane};
    }
    Begun begin(const std::string& destination) {
        put(destination);
        return begin();
    }
    // As Queue::job_done has it, of one that was reached.
    void end(const Begun& begun, const std::string& destination) {
        agents.finished(begun.agent, begun.job);
        agents.destinations().finished(destination, ipc::Reach::answered, "", {}, 0);
        agents.left_connection(begun.agent, destination);
    }
    AgentId deliver(const std::string& destination) {
        const Begun begun = begin(destination);
        end(begun, destination);
        return begun.agent;
    }
};

} // namespace

TEST_CASE("a destination's next message goes to the agent that reached it") {
    World world;
    CHECK(world.deliver("a.test") == one);
    CHECK(world.deliver("b.test") == two);
    for (int i = 0; i < 3; ++i) {
        CHECK(world.deliver("a.test") == one);
        CHECK(world.deliver("a.test") == one);
        CHECK(world.deliver("b.test") == two);
    }
}

TEST_CASE("a connection is used by one message at a time, the rest take turns") {
    World world;
    const World::Begun first = world.begin("a.test"), second = world.begin("a.test");
    CHECK((first.agent == one && second.agent == two));
    world.end(second, "a.test");
    CHECK(world.begin("a.test").agent == two);                    // though it is not its turn
    CHECK(world.begin("a.test").agent == two);                    // and now it is
    CHECK(world.begin("a.test").agent == one);                    // that connection was the only one
}

TEST_CASE("an agent that is full, leaving or gone is not waited for") {
    World world(1);
    CHECK(world.deliver("a.test") == one);
    SECTION("full") {
        CHECK(world.begin("b.test").agent == two);
        CHECK(world.begin("c.test").agent == one);
    }
    SECTION("leaving") { world.agents.retire(one); }
    SECTION("gone") { world.agents.down(one); }
    CHECK(world.deliver("a.test") == two);
}

TEST_CASE("an agent on which suspects are tried gets nothing beside them") {
    World world;
    CHECK(world.deliver("a.test") == one);
    world.agents.put_suspect(AgentKind::smtp_out, QueueId{1, 1, 1000});
    const World::Begun live = world.begin("a.test"), suspect = world.begin();
    CHECK((live.agent == two && !live.is_suspect));
    CHECK((suspect.agent == one && suspect.is_suspect));
}

TEST_CASE("what is known of connections is bounded") {
    World world;
    CHECK(world.deliver("a.test") == one);
    for (int i = 0; i < 20'000; ++i) world.agents.left_connection(one, "d" + std::to_string(i) + ".test");
    CHECK(world.deliver("d1.test") == two);                       // forgotten, so it goes to whose turn it is
    CHECK(world.deliver("d19999.test") == one);
    CHECK(world.deliver("d19999.test") == one);
}
