// What an operator does to the queue, over the model file layer.
#include "qmgr/filter.h"
#include "tests/unit/qmgr/world.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::qmgr;
using State = ipc::RecipientState;
using ipc::QueueAction;

namespace {

struct Operated : World {
    Operated() {
        verdict = [this](const ipc::Deliver&, const ipc::DeliverRecipient& r) {
            return ipc::RecipientOutcome{r.index, away ? ipc::DeliveryStatus::deferred : ipc::DeliveryStatus::delivered, "4.2.1", "Away for now"};
        };
        REQUIRE(start());
        for (int i = 1; i <= 3; ++i) submit(i, 100, {static_cast<AccountId>(i), 9});
        settle();
    }
    ipc::QueueActed act(QueueAction action, const std::function<void(ipc::QueueAct&)>& with = {}) {
        ipc::QueueAct ask;
        ask.action = action;
        if (with) with(ask);
        const auto acted = queue->act(ask);
        settle();
        return acted;
    }
    std::vector<State> states() const {
        std::vector<State> all;
        for (const auto& [id, promise] : promised) {
            const auto entry = queue->show(id);
            for (const auto& r : entry.recipients) all.push_back(r.state);
        }
        return all;
    }
    std::size_t count(State state) const {
        const auto all = states();
        return static_cast<std::size_t>(std::count(all.begin(), all.end(), state));
    }
    void finish_all() {
        away = false;
        for (int i = 0; i < 5; ++i) {
            advance(std::chrono::hours(4));
            settle();
            checkpoint();
            settle();
        }
        CHECK(queue->conservation().balanced);
        CHECK(damage.empty());
    }
    bool away = true;
};

} // namespace

TEST_CASE("patterns") {
    CHECK(matches_pattern("*", ""));
    CHECK(matches_pattern("*@LAB.test", "u1@lab.test"));
    CHECK(matches_pattern("u*1*@*", "u1x1y@z"));
    CHECK_FALSE(matches_pattern("u1", "u1@lab.test"));
    CHECK_FALSE(matches_pattern("", "x"));
    CHECK_FALSE(matches_pattern("*a*b", "ab?"));
    CHECK_FALSE(matches_pattern(std::string(200, '*') + "b", std::string(5000, 'a')));
}

TEST_CASE("a filter chooses recipients") {
    Operated world;
    const auto flushed = [&](auto with) { return world.act(QueueAction::flush, with).recipients; };
    CHECK(flushed([](ipc::QueueAct&) {}) == 6);
    CHECK(flushed([](ipc::QueueAct& a) { a.recipient = "u1@*"; }) == 1);
    CHECK(flushed([](ipc::QueueAct& a) { a.domain = "LAB.TEST"; }) == 6);
    CHECK(flushed([](ipc::QueueAct& a) { a.domain = "ab.test"; }) == 0);
    CHECK(flushed([](ipc::QueueAct& a) { a.sender = "sender@lab.test", a.state = "deferred"; }) == 6);
    CHECK(flushed([](ipc::QueueAct& a) { a.sender = "<>"; }) == 0);
    CHECK(flushed([](ipc::QueueAct& a) { a.state = "held"; }) == 0);
    CHECK(flushed([](ipc::QueueAct& a) { a.error = "AWAY"; }) == 6);
    CHECK(flushed([&](ipc::QueueAct& a) { a.arrived_before = world.now.wall; }) == 0);
    CHECK(flushed([&](ipc::QueueAct& a) { a.arrived_before = world.now.wall + 1, a.arrived_after = world.now.wall - 1; }) == 6);
    CHECK(flushed([&](ipc::QueueAct& a) { a.ids.push_back(world.promised.begin()->first); }) == 2);
}

TEST_CASE("an action goes on where its last step ended") {
    Operated world;
    QueueId after{};
    std::uint64_t messages = 0;
    for (int step = 0; step < 3; ++step) {
        const auto acted = world.act(QueueAction::flush, [&](ipc::QueueAct& a) { a.limit = 1, a.after = after; });
        messages += acted.messages;
        after = acted.next;
        CHECK((after == QueueId{}) == (step == 2));
    }
    CHECK(messages == 3);
}

TEST_CASE("what is held waits, over a restart too, until it is released") {
    Operated world;
    CHECK(world.act(QueueAction::hold).messages == 3);
    CHECK(world.count(State::held) == 6);
    const bool restart = GENERATE(false, true);
    if (restart) {
        world.crash(true);
        REQUIRE(world.start());
        world.settle();
    }
    world.away = false;
    world.advance(std::chrono::hours(10));
    world.settle();
    CHECK(world.count(State::held) == 6);
    CHECK(world.queue->conservation().held == 6);
    CHECK(world.act(QueueAction::release).recipients == 6);
    CHECK(world.count(State::stored) == 6);
    if (restart) {                           // released, not yet in the mailbox for good: nobody holds it again
        world.crash(true);
        REQUIRE(world.start());
        world.settle();
        CHECK(world.count(State::held) == 0);
    }
    world.finish_all();
    CHECK(world.queue->messages() == 0);
    CHECK(world.spool->totals().delivered == 6);
}

TEST_CASE("what is deleted is gone, the rest is not") {
    Operated world;
    CHECK(world.act(QueueAction::remove, [](ipc::QueueAct& a) { a.recipient = "u9@lab.test"; }).recipients == 3);
    CHECK(world.spool->totals().deleted == 3);
    CHECK(world.queue->messages() == 3);
    world.crash(true);
    REQUIRE(world.start());
    world.settle();
    world.finish_all();
    CHECK(world.spool->totals().delivered == 3);
}

TEST_CASE("what is bounced is reported with the operator's words") {
    Operated world;
    world.add_agent(ipc::AgentKind::bounce);
    world.act(QueueAction::bounce, [&](ipc::QueueAct& a) { a.ids.push_back(world.promised.begin()->first); });
    REQUIRE(world.reports.size() == 1);
    CHECK(world.reports[0].recipients.size() == 2);
    CHECK(world.reports[0].recipients.items[0].status == "5.0.0");
    CHECK(world.spool->totals().bounced == 2);
    world.finish_all();
    CHECK(world.queue->messages() == 0);
}

TEST_CASE("a recipient gets another address, and keeps it") {
    Operated world;
    const QueueId id = world.promised.begin()->first;
    const auto index = world.queue->find_waiting(id, "u9@lab.test");
    REQUIRE(index);
    CHECK_FALSE(world.queue->find_waiting(id, "nobody@lab.test"));
    REQUIRE(world.queue->edit(id, *index, {"x@lab.test", 42, "x@lab.test", ""}));
    world.settle();
    world.crash(true);
    REQUIRE(world.start());
    world.settle();
    CHECK(world.queue->show(id).recipients.items.at(*index).address == "x@lab.test");
    AccountId delivered_to = 0;
    world.verdict = [&](const ipc::Deliver& m, const ipc::DeliverRecipient& r) {
        if (m.id == id && r.index == *index) delivered_to = r.recipient.account;
        return ipc::RecipientOutcome{r.index, ipc::DeliveryStatus::delivered, "2.0.0", ""};
    };
    world.finish_all();
    CHECK(delivered_to == 42);
}

TEST_CASE("a message is read as it will be sent, in pieces") {
    World world;
    REQUIRE(world.start());
    world.verdict = [](const ipc::Deliver&, const ipc::DeliverRecipient& r) {
        return ipc::RecipientOutcome{r.index, ipc::DeliveryStatus::deferred, "4.2.1", "x"};
    };
    const bool large = GENERATE(false, true);
    if (large) world.submit_large(1, 700'000, {1});
    else world.submit(1, 50'000, {1});
    world.settle();
    const auto& [id, promise] = *world.promised.begin();
    std::string whole;
    for (std::size_t pieces = 0; pieces < 10; ++pieces) {
        ipc::QueueContent content;
        world.queue->read_content(id, whole.size(), [&](ipc::QueueContent c) { content = std::move(c); });
        world.settle();
        REQUIRE(content.found);
        if (content.bytes.value.empty()) break;
        whole += content.bytes.value;
        CHECK(content.total >= whole.size());
    }
    CHECK(whole == "Received: by lab id " + id.text() + "\r\n" + promise.body);
}

TEST_CASE("statistics count what waits by state and error") {
    Operated world;
    world.act(QueueAction::hold, [&](ipc::QueueAct& a) { a.ids.push_back(world.promised.begin()->first); });
    const auto statistics = world.queue->statistics();
    CHECK(statistics.messages == 3);
    REQUIRE(statistics.states.size() == 2);
    CHECK(statistics.states.items[0].what == "deferred");
    CHECK(statistics.states.items[0].recipients == 4);
    REQUIRE(statistics.errors.size() == 1);
    CHECK(statistics.errors.items[0].recipients == 6);
}

TEST_CASE("what is decided is neither held nor delivered again, over a restart too") {
    World world;
    world.verdict = [](const ipc::Deliver&, const ipc::DeliverRecipient& r) {
        constexpr ipc::DeliveryStatus by_index[] = {ipc::DeliveryStatus::failed, ipc::DeliveryStatus::deferred};
        return ipc::RecipientOutcome{r.index, by_index[r.index], "4.2.1", "x"};
    };
    REQUIRE(world.start());                  // no agent writes reports
    world.submit(1, 100, {1, 2});
    world.settle();
    ipc::QueueAct hold, release;
    hold.action = QueueAction::hold;
    release.action = QueueAction::release;
    world.queue->act(hold);
    world.settle();
    const QueueId id = world.promised.begin()->first;
    if (GENERATE(false, true)) {
        world.crash(true);
        REQUIRE(world.start());
        world.settle();
    }
    CHECK(world.queue->show(id).recipients.items[0].state == State::failed);
    CHECK(world.queue->show(id).recipients.items[1].state == State::held);
    world.queue->act(release);
    world.settle();
    CHECK(world.queue->show(id).recipients.items[0].state == State::failed);
    CHECK(world.queue->show(id).recipients.items[1].state == State::deferred);
}

TEST_CASE("after a reload what waits goes by the new route") {
    World world;
    std::string hop;
    world.verdict = [&](const ipc::Deliver& m, const ipc::DeliverRecipient& r) {
        hop = m.next_hop.value;
        return ipc::RecipientOutcome{r.index, ipc::DeliveryStatus::delivered, "2.0.0", ""};
    };
    REQUIRE(world.start());
    world.add_agent(ipc::AgentKind::smtp_out);
    world.queue->set_destination("x.test", ipc::DestinationAction::freeze, [](const Result<void>&) {});
    Accepted message;
    message.arrived = world.now.wall;
    message.envelope = world.envelope({0});
    message.envelope.recipients.items[0].address = "a@x.test";
    message.body = text_body(1, 100);
    world.accept(std::move(message), text_body(1, 100));
    world.settle();
    CHECK(hop.empty());
    Queue::Options options = world.queue_options;
    options.routes.destinations = {"x.test via=[192.0.2.1]:25"};
    world.queue->configure(options);
    world.settle();
    CHECK(hop == "[192.0.2.1]:25");
    CHECK(world.queue->messages() == 0);
}
