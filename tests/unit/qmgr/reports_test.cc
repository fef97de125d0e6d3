// Reports to senders, and what they end.
#include "tests/unit/qmgr/world.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::qmgr;
using State = ipc::RecipientState;

namespace {

struct Reporting : World {
    explicit Reporting(bool with_agent = true) {
        REQUIRE(start());
        if (with_agent) add_agent(ipc::AgentKind::bounce);
    }
    void fail(std::string code = "5.1.1") {
        verdict = [code](const ipc::Deliver& m, const ipc::DeliverRecipient& r) {
            const bool report = m.reverse_path.value.empty();
            return ipc::RecipientOutcome{r.index, report ? ipc::DeliveryStatus::delivered : ipc::DeliveryStatus::failed, code, "no such user"};
        };
    }
    void send(std::vector<AccountId> accounts, std::vector<ipc::RecipientDsn> dsn = {}, std::string from = "sender@lab.test") {
        Accepted message;
        message.arrived = now.wall;
        message.envelope = envelope(accounts);
        message.envelope.reverse_path = from;
        for (auto& row : dsn) message.envelope.extensions.recipients.push_back(row);
        message.body = text_body(1, 100);
        accept(std::move(message), text_body(1, 100));
        settle();
    }
    void make_durable() {
        for (int i = 0; i < 3; ++i) {
            checkpoint();
            settle();
        }
    }
    void check_all_ended() {
        make_durable();
        CHECK(queue->messages() == 0);
        CHECK(queue->conservation().balanced);
        CHECK(damage.empty());
    }
};

} // namespace

TEST_CASE("a failure is reported once, for all recipients of the message") {
    Reporting world;
    world.fail();
    world.send({1, 2, 3});
    REQUIRE(world.reports.size() == 1);
    const ipc::ComposeReport& report = world.reports[0];
    CHECK(report.to == "sender@lab.test");
    CHECK(report.trace_header.value == "Received: by lab id " + report.id.text() + "\r\n");
    REQUIRE(report.recipients.size() == 3);
    CHECK(report.recipients.items[1].forward_path == "u2@lab.test");
    CHECK(report.recipients.items[1].action == ipc::ReportAction::failed);
    CHECK(report.recipients.items[1].status == "5.1.1");
    CHECK(report.recipients.items[1].diagnostic == "no such user");
    CHECK(world.spool->totals().bounced == 3);
    CHECK(world.spool->totals().expanded == 1);
    world.check_all_ended();
}

TEST_CASE("a report that is asked for again says the same time") {
    Reporting world(false);
    world.fail();
    const std::int64_t tried = world.now.wall;
    world.send({1});
    world.crash(true);
    REQUIRE(world.start());
    world.advance(std::chrono::hours(2));
    world.writes_report = [](const ipc::ComposeReport&) -> Result<ipc::ComposedReport> { return Error(Errc::unavailable, "not now"); };
    world.add_agent(ipc::AgentKind::bounce);
    world.settle();
    world.advance(std::chrono::hours(1));
    world.settle();
    REQUIRE(world.reports.size() > 1);
    for (const ipc::ComposeReport& report : world.reports) CHECK(report.recipients.items[0].last_attempt == tried);
}

TEST_CASE("a restart neither forgets a report nor sends a second") {
    Reporting world(false);
    world.fail();
    world.send({1, 2});
    REQUIRE(world.reports.empty());
    SECTION("before it was written") {}
    SECTION("after it was accepted") {
        world.add_agent(ipc::AgentKind::bounce);
        world.settle();
        CHECK(world.spool->totals().bounced == 2);
    }
    world.crash(true);
    REQUIRE(world.start());
    world.add_agent(ipc::AgentKind::bounce);
    world.settle();
    CHECK(world.reports.size() == 1);
    CHECK(world.spool->totals().bounced == 2);
    world.check_all_ended();
}

TEST_CASE("NOTIFY decides who is told of what") {
    Reporting world;
    SECTION("NEVER: it ends without a report") {
        world.fail();
        world.send({1, 2}, {{0, ipc::notify::never, ""}, {1, ipc::notify::failure, "rfc822;u2@old.test"}});
        REQUIRE(world.reports.size() == 1);
        REQUIRE(world.reports[0].recipients.size() == 1);
        CHECK(world.reports[0].recipients.items[0].original == "rfc822;u2@old.test");
        CHECK(world.spool->totals().discarded == 1);
        CHECK(world.spool->totals().bounced == 1);
    }
    SECTION("SUCCESS only: failures are nobody's business") {
        world.fail();
        world.send({1}, {{0, ipc::notify::success, ""}});
        CHECK(world.reports.empty());
        CHECK(world.spool->totals().discarded == 1);
    }
    SECTION("SUCCESS: told when the mailbox is durable, not before") {
        world.send({1, 2}, {{0, ipc::notify::success, ""}});
        CHECK(world.reports.empty());
        world.checkpoint();
        world.settle();
        REQUIRE(world.reports.size() == 1);
        CHECK(world.reports[0].recipients.items[0].action == ipc::ReportAction::delivered);
        CHECK(world.spool->totals().delivered == 2);
    }
    world.check_all_ended();
}

TEST_CASE("a message that waits is reported once, while it goes on waiting") {
    Reporting world;
    bool away = true;
    world.verdict = [&away](const ipc::Deliver& m, const ipc::DeliverRecipient& r) {
        const bool defer = away && !m.reverse_path.value.empty();
        return ipc::RecipientOutcome{r.index, defer ? ipc::DeliveryStatus::deferred : ipc::DeliveryStatus::delivered, "4.2.2", "full"};
    };
    world.send({1, 2}, {{1, ipc::notify::failure, ""}});
    for (int i = 0; i < 12 * 60; ++i) {
        world.advance(std::chrono::minutes(1));
        world.settle();
        world.checkpoint();
        if (i < 238) CHECK(world.reports.empty());
        if (i == 300) {
            world.crash(true);
            REQUIRE(world.start());
            world.add_agent(ipc::AgentKind::bounce);
        }
    }
    REQUIRE(world.reports.size() == 1);
    CHECK(world.reports[0].recipients.size() == 1);
    CHECK(world.reports[0].recipients.items[0].action == ipc::ReportAction::delayed);
    CHECK(world.reports[0].recipients.items[0].retry_until == world.reports[0].arrived + 5 * 24 * 3600);
    away = false;
    world.advance(std::chrono::hours(5));
    world.settle();
    world.check_all_ended();
}

TEST_CASE("who has no sender is reported to postmaster, and that to nobody") {
    Reporting world;
    world.verdict = [](const ipc::Deliver&, const ipc::DeliverRecipient& r) {
        return ipc::RecipientOutcome{r.index, ipc::DeliveryStatus::failed, "5.2.1", "gone"};
    };
    world.send({1}, {}, "");
    REQUIRE(world.reports.size() == 1);
    CHECK(world.reports[0].to == "postmaster");
    CHECK(world.spool->totals().discarded == 1);
    world.check_all_ended();
}

TEST_CASE("a sender of ours that there is no more: postmaster hears of it") {
    Reporting world;
    world.fail();
    world.resolve = [](const std::string& address) {
        Queue::Ports::Resolved to{std::in_place};
        if (address == "postmaster") to->push_back({address, 7, "postmaster@lab.test", ""});
        return to;
    };
    world.send({1});
    REQUIRE(world.reports.size() == 2);
    CHECK(world.reports[1].to == "postmaster");
    CHECK(world.reports[1].reverse_path == "sender@lab.test");
    world.check_all_ended();
}

TEST_CASE("a report that cannot be written now is written later") {
    Reporting world;
    world.fail();
    int tries = 0;
    SECTION("the agent could not") {
        world.writes_report = [&](const ipc::ComposeReport&) -> Result<ipc::ComposedReport> {
            if (++tries < 3) return ipc::ComposedReport{false, false, ipc::BodyKind::seven_bit, "", "no memory"};
            return ipc::ComposedReport{true, false, ipc::BodyKind::seven_bit, "x\r\n", ""};
        };
    }
    SECTION("nobody knows accounts now") {
        world.resolve = [&](const std::string& address) {
            return ++tries < 3 ? Queue::Ports::Resolved() : Queue::Ports::Resolved{{{address, 9, address, ""}}};
        };
    }
    world.send({1});
    for (int i = 0; i < 10; ++i) {
        world.advance(std::chrono::minutes(1));
        world.settle();
    }
    CHECK(tries == 3);
    CHECK(world.spool->totals().bounced == 1);
    world.check_all_ended();
}
