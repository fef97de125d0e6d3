// Every call the spool makes fails once, is cut short once, and is once where the power goes or the process is
// killed: after each, nothing acknowledged is lost or damaged, no id comes twice, and everything ends delivered
// without help (DESIGN section 5; TESTCARD A2 to A8 in small).
#include "tests/unit/qmgr/world.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::qmgr;
using Fault = ModelSys::Fault;

namespace {

// Some of everything: several segments, large bodies, several recipients, deferrals, failures, checkpoints.
void work(World& world, int rounds) {
    world.verdict = [&world](const ipc::Deliver& message, const ipc::DeliverRecipient& recipient) {
        ipc::RecipientOutcome outcome{recipient.index, ipc::DeliveryStatus::delivered, "2.0.0", ""};
        const bool early = world.now.wall - message.arrived < 200;
        if (recipient.recipient.account == 7 && early) outcome = {recipient.index, ipc::DeliveryStatus::deferred, "4.2.2", "full"};
        return outcome;
    };
    for (int i = 0; i < rounds && !world.sys.is_down(); ++i) {
        world.submit(i, 900 + static_cast<std::size_t>(i % 5) * 3000, {1 + static_cast<AccountId>(i % 3)});
        if (i % 3 == 0) world.submit(1000 + i, 2000, {7, 2});
        if (i % 5 == 0) world.submit_large(2000 + i, 20000, {3, 7});
        for (int steps = 0; steps < 6; ++steps) world.step();
        if (i % 4 == 3) world.checkpoint();
        if (i % 6 == 5) world.advance(std::chrono::seconds(20));
    }
    world.settle();
    world.checkpoint();
    world.settle();
}

void finish_work(World& world) {
    for (int i = 0; i < 40 && world.queue->messages() > 0; ++i) {
        world.settle();
        world.checkpoint();
        world.settle();
        world.advance(std::chrono::minutes(10));
    }
}

std::uint64_t calls_of_work(int rounds) {
    World world;
    REQUIRE(world.start());
    const auto before = world.sys.calls();
    work(world, rounds);
    return world.sys.calls() - before;
}

constexpr int rounds = 24;

void check_end(World& world) {
    world.check_promises();
    CHECK(world.damage == std::vector<std::string>{});
    finish_work(world);
    CHECK(world.queue->messages() == 0);
    world.check_promises();
    CHECK(world.damage == std::vector<std::string>{});
    const auto account = world.queue->conservation();
    CHECK(account.balanced);
    CHECK(account.totals.waiting() == 0);
    CHECK(world.sys.names("corrupt").empty());
    CHECK(world.sys.names("deferred").empty());
    for (unsigned tick = 0; tick < Spool::ticks_to_adopt; ++tick) world.spool->tick();
    world.settle();
    CHECK(world.sys.names("large").empty());
}

void crash_everywhere(Fault fault, std::uint32_t seeds) {
    const std::uint64_t last = calls_of_work(rounds) + 30;
    for (std::uint64_t n = 1; n <= last; ++n) {
        for (std::uint32_t seed = 1; seed <= seeds; ++seed) {
            INFO("call " << n << " seed " << seed);
            World world(seed * 7919 + static_cast<std::uint32_t>(n));
            REQUIRE(world.start());
            world.sys.arm(fault, n);
            work(world, rounds);
            world.crash(fault == Fault::power_cut);
            // It may go again while it recovers.
            if (seed == 2) {
                world.sys.arm(fault, 1 + n % 60);
                if (world.start()) world.settle();
                world.crash(fault == Fault::power_cut);
            }
            REQUIRE(world.start());
            world.settle();
            REQUIRE(world.recovered);
            check_end(world);
            if (!world.damage.empty()) return;
        }
    }
}

void fail_everywhere(Fault fault, std::uint64_t times) {
    const std::uint64_t last = calls_of_work(rounds);
    for (std::uint64_t n = 1; n <= last; ++n) {
        INFO("call " << n << " for " << times);
        World world(static_cast<std::uint32_t>(n));
        REQUIRE(world.start());
        world.sys.arm(fault, n, times);
        work(world, rounds);
        world.sys.arm(Fault::none, 1);
        for (int i = 0; i < 3; ++i) {          // the disk is well again: it goes on by itself
            world.advance(std::chrono::seconds(1));
            world.settle();
        }
        CHECK(world.spool->refusal().empty());
        const auto before = world.promised.size();
        world.submit(9000, 100, {1});
        world.settle();
        CHECK(world.promised.size() == before + 1);
        // What it said is true even if the power goes now.
        world.crash(true);
        REQUIRE(world.start());
        world.settle();
        check_end(world);
        if (!world.damage.empty()) return;
    }
}

} // namespace

TEST_CASE("a power cut at every call loses nothing that was acknowledged") { crash_everywhere(Fault::power_cut, 2); }
TEST_CASE("a kill at every call loses nothing that was acknowledged") { crash_everywhere(Fault::kill, 1); }
TEST_CASE("an I/O error at every call costs an answer, never a message") { fail_everywhere(Fault::eio, 1); }
TEST_CASE("I/O errors in a row cost answers, never a message") { fail_everywhere(Fault::eio, 25); }
TEST_CASE("a full disk at every call costs an answer, never a message") { fail_everywhere(Fault::enospc, 8); }
TEST_CASE("a short write at every call is completed") { fail_everywhere(Fault::short_write, 1); }

TEST_CASE("a start that meets an I/O error at every call succeeds at the next try") {
    World first;
    REQUIRE(first.start());
    for (int i = 0; i < 30; ++i) first.submit(i, 5000, {7});
    first.verdict = [](const ipc::Deliver&, const ipc::DeliverRecipient& r) {
        return ipc::RecipientOutcome{r.index, ipc::DeliveryStatus::deferred, "4.2.2", "full"};
    };
    first.settle();
    for (std::uint64_t n = 1; n <= 120; ++n) {
        INFO("call " << n);
        first.crash(n % 2 == 0);
        first.sys.arm(Fault::eio, n);
        if (!first.start()) {
            first.sys.arm(Fault::none, 1);
            REQUIRE(first.start());
        }
        first.settle();
        first.sys.arm(Fault::none, 1);
        first.advance(std::chrono::seconds(1));
        first.settle();
        first.check_promises();
        CHECK(first.damage == std::vector<std::string>{});
        CHECK(first.queue->messages() == 30);
    }
}
