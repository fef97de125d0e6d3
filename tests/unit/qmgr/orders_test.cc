// What operators order to last: rules by which mail is held, frozen destinations, and their file.
#include "tests/unit/qmgr/world.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::qmgr;
using State = ipc::RecipientState;

namespace {

ipc::HoldRule rule(std::string_view sender, std::string_view recipient = {}, std::string_view domain = {}) {
    ipc::HoldRule made;
    made.sender = sender;
    made.recipient = recipient;
    made.domain = domain;
    made.reason = "looked at first";
    return made;
}

struct Ordered : World {
    Ordered() { REQUIRE(start()); }
    std::uint64_t hold(const ipc::HoldRule& wanted) {
        bool written = false;
        const auto number = queue->add_hold_rule(wanted, [&](const Result<void>& done) { written = done.ok(); });
        REQUIRE(number);
        settle();
        CHECK(written);
        return *number;
    }
    void again(bool power) {
        crash(power);
        REQUIRE(start());
        settle();
    }
    std::vector<State> states(const QueueId& id) const {
        std::vector<State> all;
        const auto entry = queue->show(id);
        for (const auto& r : entry.recipients) all.push_back(r.state);
        return all;
    }
    const QueueId& last() const { return promised.rbegin()->first; }
};

using States = std::vector<State>;

} // namespace

TEST_CASE("mail that a rule takes is held whole, over a restart too, until it is released") {
    Ordered world;
    world.hold(rule("", "u2@*"));
    world.submit(1, 100, {1, 2});
    world.submit(2, 100, {3});
    world.settle();
    const QueueId held = world.promised.begin()->first;
    CHECK(world.states(held) == States{State::held, State::held});
    CHECK(world.queue->show(held).recipients.items[0].last_error == "held by rule 1: looked at first");
    CHECK(world.mailbox.size() == 1);
    world.again(GENERATE(false, true));
    CHECK(world.states(held) == States{State::held, State::held});
    ipc::QueueAct release;
    release.action = ipc::QueueAction::release;
    world.queue->act(release);
    world.settle();
    CHECK(world.states(held) == States{State::stored, State::stored});
    world.again(false);                                        // delivered, not finished: the rule leaves it alone now
    CHECK(world.states(held) == States{State::stored, State::stored});
    CHECK(world.queue->conservation().balanced);
}

TEST_CASE("a rule is about what comes after it, and what all its conditions take") {
    Ordered world;
    world.verdict = [](const ipc::Deliver&, const ipc::DeliverRecipient& r) {
        return ipc::RecipientOutcome{r.index, ipc::DeliveryStatus::deferred, "4.2.1", "Away"};
    };
    world.submit(1, 100, {1});
    world.settle();
    const QueueId before = world.last();
    world.advance(std::chrono::seconds(5));
    world.hold(rule("sender@lab.test", "", "other.test"));
    const std::uint64_t number = world.hold(rule("sender@*", "u7@lab.test"));
    world.submit(2, 100, {6});
    world.settle();
    CHECK(world.states(world.last()) == States{State::deferred});
    world.submit(3, 100, {7});
    world.settle();
    CHECK(world.states(world.last()) == States{State::held});
    world.again(true);
    CHECK(world.states(before) == States{State::deferred});
    CHECK(world.queue->orders().rules.size() == 2);
    CHECK(world.queue->remove_hold_rule(number, [](const Result<void>&) {}));
    CHECK_FALSE(world.queue->remove_hold_rule(number, [](const Result<void>&) {}));
    world.settle();
    world.again(true);
    world.submit(4, 100, {7});
    world.settle();
    CHECK(world.states(world.last()) == States{State::deferred});
    CHECK(world.hold(rule("x@y.test")) == number + 1);
    CHECK_FALSE(world.queue->add_hold_rule(rule(""), [](const Result<void>&) {}).ok());
}

TEST_CASE("wherever the process or the power ends, what a rule takes is not delivered") {
    const auto fault = GENERATE(ModelSys::Fault::kill, ModelSys::Fault::power_cut);
    for (std::uint64_t n = 1; n < 14; ++n) {
        Ordered world;
        world.hold(rule("*"));
        world.sys.arm(fault, n);
        world.submit(1, 100, {1, 2});
        world.settle();
        world.again(fault == ModelSys::Fault::power_cut);
        INFO("call " << n);
        CHECK(world.mailbox.empty());
        for (const auto& [id, promise] : world.promised) CHECK(world.states(id) == States{State::held, State::held});
    }
}

TEST_CASE("a rule that could not be written holds, and its asker is told") {
    Ordered world;
    world.sys.arm(ModelSys::Fault::enospc, 1, 100);
    std::optional<Result<void>> told;
    REQUIRE(world.queue->add_hold_rule(rule("*"), [&](const Result<void>& done) { told = done; }));
    for (int i = 0; i < 100 && !told; ++i) world.step();
    REQUIRE(told);
    CHECK(told->error().code() == Errc::no_space);
    CHECK(world.queue->orders().rules.size() == 1);
}

TEST_CASE("a destination stays frozen over a restart") {
    Ordered world;
    CHECK(world.queue->set_destination("x.test", ipc::DestinationAction::freeze, [](const Result<void>&) {}));
    world.settle();
    world.again(true);
    const auto rows = world.queue->list_destinations({}).rows;
    REQUIRE(rows.size() == 1);
    CHECK(rows.items[0].state == "frozen");
    CHECK(world.queue->set_destination("x.test", ipc::DestinationAction::thaw, [](const Result<void>&) {}));
    world.settle();
    world.again(true);
    CHECK(world.queue->list_destinations({}).rows.empty());
}

TEST_CASE("damaged orders are set aside and told") {
    Ordered world;
    world.hold(rule("*"));
    REQUIRE(decode_orders(world.sys.content("orders")));
    const auto at = GENERATE(0, 9, 20);
    world.stop();
    world.sys.restart(false);
    world.sys.overwrite("orders", static_cast<std::uint64_t>(at), "?");
    REQUIRE(world.start());
    world.settle();
    CHECK(world.queue->orders().rules.empty());
    CHECK_FALSE(world.sys.content("corrupt/orders").empty());
    CHECK(std::count_if(world.troubles.begin(), world.troubles.end(), [](const auto& t) { return t.starts_with("queue.orders.damaged"); }) == 1);
}

TEST_CASE("what is requeued is looked up again, and begins anew") {
    World world;
    AccountId delivered_to = 0;
    bool away = true;
    world.verdict = [&](const ipc::Deliver&, const ipc::DeliverRecipient& r) {
        delivered_to = r.recipient.account;
        return ipc::RecipientOutcome{r.index, away ? ipc::DeliveryStatus::deferred : ipc::DeliveryStatus::delivered, "4.2.1", "Away"};
    };
    REQUIRE(world.start());
    world.submit(1, 100, {1});
    world.settle();
    const QueueId id = world.promised.begin()->first;
    CHECK(delivered_to == 1);
    ipc::QueueAct requeue;
    requeue.action = ipc::QueueAction::requeue;
    world.resolve = [](const std::string&) { return Queue::Ports::Resolved{}; };
    world.queue->act(requeue);
    world.settle();
    CHECK(world.queue->show(id).recipients.items[0].last_error.view().find("could not be asked") != std::string_view::npos);
    world.resolve = [](const std::string& a) { return Queue::Ports::Resolved{{{a, 3, a, ""}, {a, 4, a, ""}}}; };
    world.queue->act(requeue);
    world.settle();
    CHECK(world.queue->show(id).recipients.items[0].last_error.view().find("several") != std::string_view::npos);
    world.resolve = [](const std::string& a) { return Queue::Ports::Resolved{{{a, 42, "x@lab.test", ""}}}; };
    away = false;
    world.queue->act(requeue);
    world.settle();
    CHECK(delivered_to == 42);
    CHECK(world.mailbox.size() == 1);
}
