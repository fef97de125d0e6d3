#include "tests/unit/qmgr/world.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::qmgr;
using State = ipc::RecipientState;

namespace {

State state_of(const World& world, std::size_t message, std::size_t recipient = 0) {
    const auto entry = world.queue->show(std::next(world.promised.begin(), static_cast<std::ptrdiff_t>(message))->first);
    return entry.found ? entry.recipients.items.at(recipient).state : State::done;
}

ipc::QueueList page_after(const QueueId& after) {
    ipc::QueueList ask;
    ask.after = after;
    ask.limit = 10;
    return ask;
}

void always(World& world, ipc::DeliveryStatus status, const char* code) {
    world.verdict = [status, code](const ipc::Deliver&, const ipc::DeliverRecipient& r) {
        return ipc::RecipientOutcome{r.index, status, code, "because"};
    };
}

} // namespace

TEST_CASE("a delivery is recorded when the mailbox is durable, not before") {
    World world;
    REQUIRE(world.start());
    world.submit(1, 100, {1});
    world.settle();
    CHECK(state_of(world, 0) == State::stored);
    SECTION("durable: the message is gone") {
        world.checkpoint();
        world.settle();
        CHECK(state_of(world, 0) == State::done);
        CHECK(world.spool->totals().delivered == 1);
    }
    SECTION("not durable: it is delivered again, soon") {
        world.checkpoint(false);
        world.settle();
        CHECK(state_of(world, 0) == State::deferred);
        world.advance(std::chrono::seconds(2));
        world.settle();
        CHECK(state_of(world, 0) == State::stored);
    }
    SECTION("the owner dies: it is delivered again when there is one") {
        world.queue->owner_down(0);
        world.settle();
        CHECK(state_of(world, 0) == State::queued);
        world.queue->owner_up(0);
        world.settle();
        CHECK(state_of(world, 0) == State::stored);
    }
    SECTION("the owner dies while it makes durable: the late answer counts for nothing") {
        CHECK(world.queue->begin_checkpoint(0));
        world.queue->owner_up(0);
        world.queue->checkpoint_done(0, true);
        world.settle();
        CHECK(state_of(world, 0) == State::stored);
        CHECK(world.spool->totals().delivered == 0);
    }
}

TEST_CASE("the replay to an owner has ended when all it may have lost is durable") {
    World world;
    REQUIRE(world.start());
    world.submit(1, 100, {1});
    world.settle();
    REQUIRE(state_of(world, 0) == State::stored);
    world.queue->owner_down(0);
    CHECK_FALSE(world.queue->replay_ended(0));               // there is nobody to tell
    world.queue->owner_up(0);
    CHECK_FALSE(world.queue->replay_ended(0));
    world.settle();
    REQUIRE(state_of(world, 0) == State::stored);
    CHECK_FALSE(world.queue->replay_ended(0));               // again in the mailbox, but not on its disk
    world.checkpoint();
    world.settle();
    CHECK(world.queue->replay_ended(0));
    world.submit(2, 100, {1});
    world.settle();
    CHECK(world.queue->replay_ended(0));                     // what comes later is no replay
}

TEST_CASE("an owner that is away delays its own accounts only") {
    World world;
    world.queue_options.owners = 2;
    REQUIRE(world.start());
    world.queue->owner_down(1);
    world.submit(1, 100, {1, 2, 3, 4});
    world.settle();
    CHECK(state_of(world, 0, 0) == State::queued);
    CHECK(state_of(world, 0, 1) == State::stored);
    CHECK(state_of(world, 0, 2) == State::queued);
    CHECK(state_of(world, 0, 3) == State::stored);
    world.checkpoint();
    world.settle();
    CHECK(state_of(world, 0, 1) == State::done);
    world.crash(true);
    REQUIRE(world.start());                 // both owners are there now
    world.settle();
    CHECK(state_of(world, 0, 1) == State::done);
    CHECK(state_of(world, 0, 0) == State::stored);
    world.checkpoint();
    world.settle();
    CHECK(world.queue->messages() == 0);
    CHECK(world.queue->conservation().balanced);
}

TEST_CASE("local deferrals follow their schedule, and a restart keeps it") {
    World world;
    REQUIRE(world.start());
    always(world, ipc::DeliveryStatus::deferred, "4.2.2");
    world.submit(1, 100, {1});
    world.settle();
    const std::chrono::seconds delays[] = {std::chrono::minutes(5), std::chrono::minutes(15), std::chrono::hours(1),
                                           std::chrono::hours(4), std::chrono::hours(4), std::chrono::hours(4)};
    std::uint32_t attempts = 1;
    for (const auto delay : delays) {
        INFO("attempt " << attempts);
        const auto entry = world.queue->show(world.promised.begin()->first);
        CHECK(entry.recipients.items.at(0).attempts == attempts);
        CHECK(entry.recipients.items.at(0).next_attempt == world.now.wall + delay.count());
        world.advance(delay - std::chrono::seconds(1));
        world.settle();
        CHECK(world.queue->show(world.promised.begin()->first).recipients.items.at(0).attempts == attempts);
        if (attempts == 2) {
            world.crash(true);
            REQUIRE(world.start());
            world.settle();
        }
        world.advance(std::chrono::seconds(1));
        world.settle();
        ++attempts;
    }
}

TEST_CASE("a message is not delivered before the time its sender asked for") {
    World world;
    REQUIRE(world.start());
    const std::int64_t until = world.now.wall + 10 * 3600;
    world.submit_held(1, until, {1, 2});
    world.submit_held(2, world.now.wall - 1, {1});
    world.settle();
    CHECK(state_of(world, 1) == State::stored);              // that time is past
    REQUIRE(state_of(world, 0) == State::scheduled);
    const auto entry = world.queue->show(world.promised.begin()->first);
    CHECK(entry.row.state == State::scheduled);
    CHECK(entry.recipients.items.at(0).next_attempt == until);
    CHECK(entry.extensions.hold_until == until);
    CHECK(world.queue->conservation().balanced);

    SECTION("whatever the owner does") {
        world.queue->owner_down(0);
        world.queue->owner_up(0);
        CHECK(state_of(world, 0) == State::scheduled);
    }
    SECTION("after a restart either, and it is in no owner's way") {
        world.checkpoint();
        world.settle();
        world.crash(true);
        REQUIRE(world.start());
        world.settle();
        CHECK(state_of(world, 0) == State::scheduled);
        CHECK(world.queue->replay_ended(0));
    }
    SECTION("nor when the clock is set back: it waits until it shows that time") {
        world.now.wall -= 3 * 3600;
        world.advance(std::chrono::hours(10));
        world.settle();
        CHECK(state_of(world, 0) == State::scheduled);
        world.advance(std::chrono::hours(2));
    }
    world.advance(std::chrono::seconds(until - 1 - world.now.wall));
    world.settle();
    CHECK(state_of(world, 0) == State::scheduled);
    world.advance(std::chrono::seconds(1));
    world.settle();
    CHECK(state_of(world, 0, 0) == State::stored);
    CHECK(state_of(world, 0, 1) == State::stored);
}

TEST_CASE("what waits for its time is copied out of old segments like anything that waits") {
    World world;
    REQUIRE(world.start());
    const std::int64_t until = world.now.wall + 3600;
    world.submit_held(0, until, {7});
    for (int i = 1; i < 60; ++i) {
        world.submit(i, 5000, {7});
        world.settle();
        world.checkpoint();
    }
    CHECK(world.sys.names("deferred").size() == 1);
    world.crash(true);
    REQUIRE(world.start());
    world.settle();
    world.checkpoint();
    world.settle();
    CHECK(state_of(world, 0) == State::scheduled);
    world.advance(std::chrono::hours(1));
    world.settle();
    CHECK(state_of(world, 0) == State::stored);
    world.check_promises();
    CHECK(world.damage.empty());
}

TEST_CASE("the time a message was held for does not count towards its age") {
    World world;
    REQUIRE(world.start());
    always(world, ipc::DeliveryStatus::deferred, "4.2.2");
    world.submit_held(1, world.now.wall + 200 * 3600, {1});  // queue.max_age is 120 hours
    for (int hour = 0; hour < 200; ++hour) world.advance(std::chrono::hours(1));
    world.settle();
    CHECK(state_of(world, 0) == State::deferred);
}

TEST_CASE("an agent is told what concerns its recipients") {
    World world;
    world.queue_options.owners = 2;
    REQUIRE(world.start());
    std::map<std::uint32_t, ipc::Extensions> told;
    world.verdict = [&](const ipc::Deliver& message, const ipc::DeliverRecipient& r) {
        told[r.index] = message.extensions;
        return ipc::RecipientOutcome{r.index, ipc::DeliveryStatus::delivered, "2.0.0", ""};
    };
    Accepted message;
    message.envelope = world.envelope({1, 2});
    message.envelope.extensions = {true, false, ipc::DsnReturn::full, "id", 0,
                                   {{{0, ipc::notify::never, "rfc822;a@b"}, {1, ipc::notify::delay, ""}}}};
    message.body = text_body(1, 100);
    world.accept(std::move(message), text_body(1, 100));
    world.settle();
    REQUIRE(told.size() == 2);
    for (const std::uint32_t index : {0U, 1U}) {
        CHECK(told[index].smtputf8);
        CHECK(told[index].envelope_id.view() == "id");
        REQUIRE(told[index].recipients.size() == 1);
        CHECK(told[index].recipients.items[0].index == index);
    }
}

TEST_CASE("a part of ours that is away is tried again within seconds") {
    const RetryPolicy policy;
    CHECK(retry_delay(policy, 1, "4.3.0", 0) == std::chrono::seconds(1));
    CHECK(retry_delay(policy, 2, "4.3.2", 0) == std::chrono::seconds(2));
    CHECK(retry_delay(policy, 99, "4.3.0", 0) == std::chrono::hours(4));
    CHECK(retry_delay(policy, 1, "4.2.2", 0) == std::chrono::minutes(5));
    CHECK(retry_delay(policy, 99, "4.2.2", 0) == std::chrono::hours(4));
}

TEST_CASE("what failed together is not tried together") {
    RetryPolicy policy;
    policy.jitter = 10;
    std::set<std::chrono::seconds> delays;
    for (std::uint64_t spread = 0; spread < 1000; ++spread) delays.insert(retry_delay(policy, 1, "4.4.1", spread * 7919));
    CHECK(delays.size() == 31);
    CHECK(*delays.begin() == std::chrono::minutes(5));
    CHECK(*delays.rbegin() == std::chrono::seconds(330));
}

TEST_CASE("nothing expires on age alone") {
    World world;
    REQUIRE(world.start());
    always(world, ipc::DeliveryStatus::deferred, "4.2.2");
    world.submit(1, 100, {1});
    world.settle();
    SECTION("the attempt behind the limit is the final one") {
        for (int step = 0; step < 119 * 60; ++step) world.advance(std::chrono::minutes(1));
        world.settle();
        CHECK(state_of(world, 0) == State::deferred);
        for (int step = 0; step < 6 * 60; ++step) {
            world.advance(std::chrono::minutes(1));
            world.settle();
        }
        CHECK(state_of(world, 0) == State::failed);
        CHECK(world.queue->messages() == 1);              // until there is a bounce
    }
    SECTION("a clock that jumped ahead by a year gives up nothing") {
        world.now.wall += 365 * 24 * 3600;
        for (int step = 0; step < 60; ++step) {
            world.advance(std::chrono::minutes(10));
            world.settle();
        }
        CHECK(state_of(world, 0) == State::deferred);
    }
}

TEST_CASE("a failed recipient stays visible and does not hold up the others") {
    World world;
    REQUIRE(world.start());
    world.verdict = [](const ipc::Deliver&, const ipc::DeliverRecipient& r) {
        const bool bad = r.recipient.account == 2;
        return ipc::RecipientOutcome{r.index, bad ? ipc::DeliveryStatus::failed : ipc::DeliveryStatus::delivered,
                                     bad ? "5.2.1" : "2.0.0", bad ? "disabled" : ""};
    };
    world.submit(1, 100, {1, 2});
    world.settle();
    world.checkpoint();
    world.settle();
    CHECK(state_of(world, 0, 0) == State::done);
    CHECK(state_of(world, 0, 1) == State::failed);
    world.crash(true);
    REQUIRE(world.start());
    world.settle();
    CHECK(state_of(world, 0, 0) == State::done);
    CHECK(state_of(world, 0, 1) == State::failed);
    CHECK(world.queue->list({}).rows.items.at(0).last_error.value == "disabled");
    CHECK(world.queue->conservation().balanced);
}

TEST_CASE("foreign recipients wait, visibly, until there is an agent for them") {
    World world;
    REQUIRE(world.start());
    world.submit(1, 100, {0, 1});
    world.settle();
    world.checkpoint();
    world.settle();
    CHECK(state_of(world, 0, 0) == State::no_route);
    CHECK(state_of(world, 0, 1) == State::done);
    const auto rows = world.queue->list({});
    CHECK(rows.total == 1);
    CHECK(rows.rows.items.at(0).state == State::no_route);
    CHECK(rows.rows.items.at(0).recipients == 1);
    world.crash(true);
    REQUIRE(world.start());
    world.settle();
    CHECK(state_of(world, 0, 0) == State::no_route);
    // An agent comes; a remote delivery is recorded at once, without a checkpoint.
    world.queue->agent_down(world.agent);
    world.agent = world.next_agent++;
    world.queue->agent_up(world.agent, ipc::AgentKind::smtp_out, 2);
    world.settle();
    CHECK(world.queue->messages() == 0);
    CHECK(world.spool->totals().delivered == 2);
}

TEST_CASE("poison: a message that kills agents loses its script, then goes on hold") {
    World world;
    REQUIRE(world.start());
    world.submit(1, 100, {1});
    world.submit(2, 100, {1});
    world.submit(3, 100, {1});
    world.settle();
    world.checkpoint();
    world.settle();
    int deaths = 0;
    SECTION("the script was it") {
        world.submit(4, 100, {5});
        world.kills_agent = [&](const ipc::Deliver& m) { return m.recipients.items[0].recipient.account == 5 && !m.plain && ++deaths > 0; };
        world.settle();
        CHECK(deaths == 3);
        CHECK(world.plain_deliveries.size() == 1);
        CHECK(world.queue->show(world.promised.rbegin()->first).recipients.items.at(0).state == State::stored);
    }
    SECTION("nothing helps") {
        world.submit(4, 100, {5});
        for (int i = 5; i < 12; ++i) world.submit(i, 100, {1});
        world.kills_agent = [&](const ipc::Deliver& m) { return m.recipients.items[0].recipient.account == 5 && ++deaths > 0; };
        world.settle();
        world.checkpoint();
        world.settle();
        CHECK(deaths <= 5);
        CHECK(world.queue->messages() == 1);               // the others were delivered
        CHECK(world.queue->list({}).rows.items.at(0).state == State::held);
        CHECK(world.sys.names("hold").size() == 1);
        CHECK(world.queue->conservation().held == 1);
        world.kills_agent = nullptr;
        world.crash(true);
        REQUIRE(world.start());
        world.settle();
        CHECK(world.queue->list({}).rows.items.at(0).state == State::held);
        CHECK(world.queue->conservation().balanced);
    }
    CHECK(world.damage.empty());
}

TEST_CASE("agents killed at random are no reason to hold anything") {
    World world;
    REQUIRE(world.start());
    for (int i = 0; i < 60; ++i) world.submit(i, 100, {1, 2});
    for (int kill = 0; kill < 40; ++kill) {
        for (int i = 0; i < 7; ++i) world.step();
        world.queue->agent_down(world.agent);
        world.agent = world.next_agent++;
        world.queue->agent_up(world.agent, ipc::AgentKind::local, 4);
    }
    world.settle();
    world.checkpoint();
    world.settle();
    CHECK(world.queue->messages() == 0);
    CHECK(world.sys.names("hold").empty());
}

TEST_CASE("an agent that says nothing, too much or something else costs nobody a message") {
    World world;
    REQUIRE(world.start());
    std::vector<JobId> jobs;
    auto* queue = world.queue.get();
    world.verdict = [](const ipc::Deliver&, const ipc::DeliverRecipient&) {
        return ipc::RecipientOutcome{999, ipc::DeliveryStatus::delivered, "2.0.0", ""};
    };
    world.submit(1, 100, {1});
    world.settle();
    CHECK(state_of(world, 0) == State::deferred);
    queue->job_done(12345, {});
    queue->job_unanswered(12345);
    queue->checkpoint_done(0, true);
    queue->agent_down(777);
    world.verdict = nullptr;
    world.advance(std::chrono::seconds(1));
    world.settle();
    CHECK(state_of(world, 0) == State::stored);
}

TEST_CASE("bodies beyond the cache are read back for their agent") {
    World world;
    world.queue_options.cache_bytes = 5000;
    REQUIRE(world.start());
    world.queue->owner_down(0);
    for (int i = 0; i < 10; ++i) world.submit(i, 2000, {1});
    world.settle();
    world.queue->owner_up(0);
    world.settle();                        // deliver() compares the bytes
    world.checkpoint();
    world.settle();
    CHECK(world.queue->messages() == 0);
    CHECK(world.damage.empty());
}

TEST_CASE("the queue is listed page by page") {
    World world;
    REQUIRE(world.start());
    for (int i = 0; i < 25; ++i) world.submit(i, 100, {0});
    world.settle();
    std::set<QueueId> seen;
    QueueId after;
    for (int page = 0; page < 3; ++page) {
        const auto listing = world.queue->list(page_after(after));
        CHECK(listing.total == 25);
        for (const auto& row : listing.rows) seen.insert(row.id);
        after = listing.rows.items.back().id;
    }
    CHECK(seen.size() == 25);
    CHECK(world.queue->list(page_after(after)).rows.empty());
    CHECK_FALSE(world.queue->show({1, 2, 3}).found);
}

TEST_CASE("what another host took has ended at once, by one record") {
    World world;
    std::vector<State> told;
    world.on_event = [&](const RecipientEvent& event) { told.push_back(event.record.state); };
    REQUIRE(world.start());
    world.add_agent(ipc::AgentKind::smtp_out);
    Accepted message;
    message.arrived = world.now.wall;
    message.envelope = world.envelope({0, 0});
    message.envelope.recipients.items[0].address = "a@x.test";
    message.envelope.recipients.items[1].address = "b@x.test";
    message.body = text_body(1, 100);
    world.accept(std::move(message), text_body(1, 100));
    world.settle();
    CHECK(told == std::vector<State>{State::done, State::done});
    CHECK(world.queue->messages() == 0);
    CHECK(world.spool->totals().delivered == 2);
    CHECK(world.spool->records() == 2);
}

TEST_CASE("a message that is sent on leaves with its own reverse-path, in a transaction of its own") {
    World world;
    std::map<std::string, std::vector<std::uint32_t>> sent;
    world.verdict = [&](const ipc::Deliver& m, const ipc::DeliverRecipient& r) {
        CHECK(m.next_hop == "x.test");
        sent[m.reverse_path.value].push_back(r.index);
        return ipc::RecipientOutcome{r.index, ipc::DeliveryStatus::delivered, "2.0.0", ""};
    };
    REQUIRE(world.start());
    world.add_agent(ipc::AgentKind::smtp_out);
    Accepted message;
    message.arrived = world.now.wall;
    message.envelope = world.envelope({0, 0, 0, 0});
    for (std::uint32_t i = 0; i < 4; ++i) message.envelope.recipients.items[i].address = "r" + std::to_string(i) + "@x.test";
    message.envelope.forwarded.push_back({1, "SRS0=a@lab.test"});
    message.envelope.forwarded.push_back({3, "SRS0=a@lab.test"});
    message.body = text_body(1, 100);
    world.accept(std::move(message), text_body(1, 100));
    world.settle();
    CHECK(sent["sender@lab.test"] == std::vector<std::uint32_t>{0, 2});
    CHECK(sent["SRS0=a@lab.test"] == std::vector<std::uint32_t>{1, 3});
    CHECK(world.queue->messages() == 0);
}
