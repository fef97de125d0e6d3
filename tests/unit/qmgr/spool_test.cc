// Single promises of the spool, each with the situation that would break it.
#include "tests/unit/qmgr/world.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <unistd.h>

using namespace postern;
using namespace postern::qmgr;
using Fault = ModelSys::Fault;

namespace {

void defer_all(World& world) {
    world.verdict = [](const ipc::Deliver&, const ipc::DeliverRecipient& recipient) {
        return ipc::RecipientOutcome{recipient.index, ipc::DeliveryStatus::deferred, "4.2.2", "full"};
    };
}

std::vector<std::string> segments(const World& world) { return world.sys.names("journal"); }

} // namespace

TEST_CASE("messages that outlive their segments move to deferred/, and segments are reused") {
    World world;
    REQUIRE(world.start());
    defer_all(world);
    for (int i = 0; i < 60; ++i) {
        world.submit(i, 5000, {7});
        world.settle();
    }
    CHECK(world.promised.size() == 60);
    CHECK(world.spool->live_segments() <= world.options.live_segments + 1);
    CHECK(segments(world).size() <= world.options.live_segments + 3);
    CHECK(world.sys.names("deferred").size() > 20);
    world.check_promises();
    world.crash(true);
    REQUIRE(world.start());
    world.settle();
    CHECK(world.queue->messages() == 60);
    // They are tried again at their time, and everything they left on disk goes.
    world.verdict = nullptr;
    world.advance(std::chrono::hours(4));
    world.settle();
    world.checkpoint();
    world.settle();
    CHECK(world.queue->messages() == 0);
    CHECK(world.sys.names("deferred").empty());
    world.check_promises();
    CHECK(world.damage.empty());
}

TEST_CASE("many restarts leave no pile of files") {
    World world;
    for (int i = 0; i < 30; ++i) {
        REQUIRE(world.start());            // and dies before replay has ended
        world.submit(i, 100, {7});
        for (int step = 0; step < 3; ++step) world.step();
        world.crash(false);
    }
    CHECK(segments(world).size() > 25);
    REQUIRE(world.start());
    for (int i = 0; i < 3; ++i) {
        world.settle();
        world.checkpoint();
    }
    world.settle();
    world.check_promises();
    CHECK(world.damage.empty());
    CHECK(world.queue->messages() == 0);
    CHECK(segments(world).size() <= 2 * world.options.live_segments + 2);
}

TEST_CASE("state records outlive their segment") {
    World world;
    REQUIRE(world.start());
    defer_all(world);
    world.submit(1, 100, {7});
    world.settle();
    const QueueId id = world.promised.begin()->first;
    for (int i = 0; i < 40; ++i) {          // the segments of the first message and its deferral go
        world.submit(100 + i, 9000, {8});
        world.settle();
    }
    const auto before = world.queue->show(id);
    REQUIRE(before.recipients.items.at(0).attempts == 1);
    world.crash(true);
    REQUIRE(world.start());
    const auto unread = world.queue->show(id);
    CHECK_FALSE(unread.found);              // intake is open before replay has ended
    world.submit(500, 100, {9});
    world.settle();
    const auto after = world.queue->show(id);
    REQUIRE(after.found);
    CHECK(after.recipients.items.at(0).attempts == 1);
    CHECK(after.recipients.items.at(0).state == ipc::RecipientState::deferred);
    CHECK(after.recipients.items.at(0).next_attempt == before.recipients.items.at(0).next_attempt);
    CHECK(world.damage.empty());
}

TEST_CASE("a batch that could not be flushed counts for nothing, even if its bytes are there") {
    World world;
    REQUIRE(world.start());
    defer_all(world);
    world.submit(1, 1000, {7});
    world.settle();
    world.submit(2, 1000, {7});
    world.sys.arm(Fault::eio, 2);           // 1: pwrite, 2: fdatasync
    world.settle();
    CHECK(world.refused == 1);
    world.sys.arm(Fault::none, 1);
    world.submit(3, 1000, {7});
    world.settle();
    CHECK(world.promised.size() == 2);
    world.crash(false);                     // the page cache still has the refused message
    REQUIRE(world.start());
    world.settle();
    CHECK(world.queue->messages() == 2);
    CHECK(world.queue->conservation().balanced);
    world.check_promises();
    CHECK(world.damage.empty());
}

TEST_CASE("the messages of a failed segment are copied out at once") {
    World world;
    REQUIRE(world.start());
    defer_all(world);
    for (int i = 0; i < 3; ++i) world.submit(i, 1000, {7});
    world.settle();
    CHECK(world.sys.names("deferred").empty());
    world.submit(4, 1000, {7});
    world.sys.arm(Fault::eio, 1);
    world.settle();
    world.sys.arm(Fault::none, 1);
    world.submit(5, 1000, {7});
    world.settle();
    CHECK(world.sys.names("deferred").size() == 3);
    CHECK(world.spool->live_segments() == 1);
    world.check_promises();
    CHECK(world.damage.empty());
}

TEST_CASE("a kill and then a power cut: what was read at a start is on the disk by then") {
    for (std::uint64_t n = 1; n < 25; ++n) {
        INFO(n);
        World world(static_cast<std::uint32_t>(n));
        REQUIRE(world.start());
        defer_all(world);
        for (int i = 0; i < 4; ++i) world.submit(i, 1000, {7});
        world.sys.arm(Fault::kill, n);
        world.settle();
        world.crash(false);
        REQUIRE(world.start());
        world.settle();
        const auto found = world.queue->messages();
        world.crash(true);
        REQUIRE(world.start());
        world.settle();
        CHECK(world.queue->messages() == found);
        CHECK(world.spool->totals().corrupt == 0);
        CHECK(world.queue->conservation().balanced);
    }
}

TEST_CASE("damage on the disk is set aside and counted; the rest goes on") {
    World world;
    REQUIRE(world.start());
    defer_all(world);
    for (int i = 0; i < 3; ++i) {
        world.submit(i, 1000, {7, 8});
        world.settle();
    }
    const QueueId second = std::next(world.promised.begin())->first;
    const std::string file = "journal/" + segments(world).front();
    SECTION("found at a start") {
        world.crash(true);
        world.sys.overwrite(file, second.offset + 200, "damage");
        REQUIRE(world.start());
        world.settle();
        CHECK(world.queue->messages() == 2);
    }
    SECTION("found when an agent should get it") {
        world.sys.overwrite(file, second.offset + 200, "damage");
        world.advance(std::chrono::minutes(5));
        world.settle();
        CHECK(world.corrupt == 1);
        CHECK(world.queue->messages() == 2);
    }
    CHECK(world.sys.names("corrupt").size() == 1);
    CHECK(world.spool->totals().corrupt == 2);
    CHECK(world.queue->conservation().balanced);
    world.crash(true);
    REQUIRE(world.start());
    world.settle();
    CHECK(world.queue->messages() == 2);
    CHECK(world.queue->conservation().balanced);
    CHECK(world.sys.names("corrupt").size() <= 2);       // the range it lies in, too, when an agent found it
}

TEST_CASE("a damaged copy goes to corrupt/, a damaged header costs its segment only") {
    World world;
    REQUIRE(world.start());
    defer_all(world);
    for (int i = 0; i < 60; ++i) {
        world.submit(i, 5000, {7});
        world.settle();
    }
    const auto kept = world.sys.names("deferred");
    world.crash(true);
    world.sys.overwrite("deferred/" + kept.front(), 50, "damage");
    REQUIRE(world.start());
    world.settle();
    CHECK(world.queue->messages() == 59);
    CHECK(world.sys.names("corrupt").size() == 1);
    CHECK(world.queue->conservation().balanced);
    // The newest segments but one lose their header: ids never come again, the others' messages are there.
    const auto ids = world.promised;
    for (const std::string& name : segments(world)) {
        auto header = decode_header(world.sys.content("journal/" + name).substr(0, block_bytes));
        if (header && header->generation == ids.rbegin()->first.generation) {
            world.crash(true);
            world.sys.overwrite("journal/" + name, 100, "damage");
            break;
        }
    }
    REQUIRE(world.start());
    world.settle();
    CHECK(world.queue->messages() < 59);
    CHECK(world.queue->messages() > 40);
    world.submit(900, 100, {7});
    world.settle();
    CHECK(world.promised.size() == 61);
    CHECK(world.damage.empty());
    CHECK(world.queue->conservation().balanced);
}

TEST_CASE("intake stops before the disk is full and opens again by itself") {
    World world;
    REQUIRE(world.start());
    world.sys.free = 1024;
    world.advance(std::chrono::seconds(1));
    CHECK_FALSE(world.spool->refusal().empty());
    world.submit(1, 100, {1});
    world.settle();
    CHECK(world.refused == 1);
    CHECK(world.spool->create_large().error().code() == Errc::no_space);
    world.sys.free = 1ULL << 40;
    world.advance(std::chrono::seconds(1));
    CHECK(world.spool->refusal().empty());
    world.submit(1, 100, {1});
    world.settle();
    CHECK(world.promised.size() == 1);
}

TEST_CASE("a message larger than a segment is refused, not retried for ever") {
    World world;
    REQUIRE(world.start());
    world.submit(1, 70000, {1});
    world.submit(2, 100, {1});
    world.settle();
    CHECK(world.refused == 1);
    CHECK(world.promised.size() == 1);
}

TEST_CASE("the record that finished a message stays until its file is gone for good") {
    const bool unlink = GENERATE(true, false);
    for (std::uint32_t seed = 1; seed <= 8; ++seed) {
        INFO((unlink ? "unlink" : "folder flush") << " fails, seed " << seed);
        World world(seed);
        REQUIRE(world.start());
        defer_all(world);
        for (int i = 0; i < 40; ++i) {
            world.submit(i, 5000, {7});
            world.settle();
        }
        REQUIRE(world.sys.names("deferred").size() > 10);
        world.verdict = nullptr;
        (unlink ? world.sys.refuses_unlink : world.sys.refuses_folder_sync) = true;
        world.advance(std::chrono::minutes(5));
        world.settle();
        world.checkpoint();
        world.settle();
        CHECK(world.queue->messages() == 0);
        for (int i = 0; i < 60; ++i) {      // many segments later the files may still come back
            world.submit(100 + i, 5000, {7});
            world.settle();
            world.checkpoint();
            world.settle();
        }
        world.crash(true);
        world.sys.refuses_unlink = world.sys.refuses_folder_sync = false;
        REQUIRE(world.start());
        world.settle();
        CHECK(world.spool->totals().corrupt == 0);
        CHECK(world.queue->conservation().balanced);
        CHECK(world.queue->messages() == static_cast<std::size_t>(world.spool->totals().waiting()));
        CHECK(world.sys.names("deferred").size() <= world.queue->messages());
        CHECK(world.damage.empty());
    }
}

// ---- the real file system, with threads -------------------------------------------------------------------------

namespace {

struct Disk {
    std::filesystem::path path;
    Fd root;
    Disk() {
        std::string name = (std::filesystem::temp_directory_path() / "spool.XXXXXX").string();
        path = ::mkdtemp(name.data());
        root = Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY));
    }
    ~Disk() { std::filesystem::remove_all(path); }
};

struct Posts {
    std::mutex mutex;
    std::condition_variable wake;
    std::deque<std::function<void()>> tasks;

    void post(std::function<void()> task) {
        const std::lock_guard lock(mutex);
        tasks.push_back(std::move(task));
        wake.notify_one();
    }
    void run_until(const std::function<bool()>& enough) {
        while (!enough()) {
            std::function<void()> task;
            {
                std::unique_lock lock(mutex);
                wake.wait(lock, [this] { return !tasks.empty(); });
                task = std::move(tasks.front());
                tasks.pop_front();
            }
            task();
        }
    }
};

Spool::Hooks plain_hooks(Posts& posts, std::vector<RecoveredMessage>& recovered, bool& done) {
    Spool::Hooks hooks;
    hooks.post = [&posts](std::function<void()> task) { posts.post(std::move(task)); };
    hooks.snapshot = [](const QueueId&) { return RecipientRecords{}; };
    hooks.recovered = [&](std::vector<RecoveredMessage> messages) {
        recovered = std::move(messages);
        done = true;
    };
    hooks.damaged = [](const QueueId&, const std::string&) {};
    hooks.trouble = [](std::string_view, const std::string&) {};
    return hooks;
}

} // namespace

TEST_CASE("the same on a real disk: accepted, read back, recovered, locked, leased") {
    Disk disk;
    Posts posts;
    std::vector<RecoveredMessage> recovered;
    bool done = false;
    Spool::Options options;
    options.segment_bytes = 1024 * 1024;
    options.live_segments = 3;
    options.reserve = 0;
    std::map<QueueId, std::string> accepted;
    constexpr std::size_t count = 1000;
    {
        auto spool = Spool::open(real_sys(), disk.root.get(), options, plain_hooks(posts, recovered, done));
        REQUIRE(spool);
        CHECK(Spool::open(real_sys(), disk.root.get(), options, plain_hooks(posts, recovered, done)).error().code() ==
              Errc::conflict);
        for (std::size_t i = 0; i < count; ++i) {
            Accepted message;
            message.envelope.recipients.push_back({"a@lab.test", 1, "a@lab.test", ""});
            message.body = text_body(static_cast<int>(i), 4096);
            (*spool)->accept(std::move(message), [&](Result<QueueId> id, Accepted&& back) {
                REQUIRE(id);
                accepted[*id] = back.body.value;
            });
        }
        posts.run_until([&] { return accepted.size() == count && done; });
        CHECK((*spool)->batches() < count);

        auto large = (*spool)->create_large();
        REQUIRE(large);
        REQUIRE(::write(large->descriptor.get(), "0123456789", 10) == 10);
        std::optional<Result<LargeBody>> body;
        (*spool)->commit_large(large->name, [&](Result<LargeBody> result) { body = std::move(result); });
        posts.run_until([&] { return body.has_value(); });
        CHECK(body->error().code() == Errc::conflict);      // a writer is left
        large->descriptor.reset();
        body.reset();
        (*spool)->commit_large(large->name, [&](Result<LargeBody> result) { body = std::move(result); });
        posts.run_until([&] { return body.has_value(); });
        REQUIRE(*body);
        CHECK((*body)->size == 10);
    }
    posts.tasks.clear();
    done = false;
    auto spool = Spool::open(real_sys(), disk.root.get(), options, plain_hooks(posts, recovered, done));
    REQUIRE(spool);
    posts.run_until([&] { return done; });
    CHECK(recovered.size() == count);
    std::size_t read = 0;
    for (const auto& [id, text] : accepted)
        (*spool)->read(id, [&, id = id](Result<Accepted> message) {
            REQUIRE(message);
            CHECK(message->body.value == accepted[id]);
            ++read;
        });
    posts.run_until([&] { return read == count; });
}

TEST_CASE("a large body that was being written over a restart may still be submitted, once, or is removed in time") {
    World world;
    REQUIRE(world.start());
    auto opened = world.spool->create_large();
    auto forgotten = world.spool->create_large();
    REQUIRE(opened);
    REQUIRE(forgotten);
    const std::string body = text_body(1, 20000);
    REQUIRE(write_all(world.sys, opened->descriptor.get(), body, 0));
    opened->descriptor.reset();
    forgotten->descriptor.reset();
    world.crash(false);
    REQUIRE(world.start());
    world.settle();
    CHECK_FALSE(world.spool->adopt_large(opened->name + 1));
    REQUIRE(world.spool->adopt_large(opened->name));
    CHECK_FALSE(world.spool->adopt_large(opened->name));
    std::optional<LargeBody> committed;
    world.spool->commit_large(opened->name, [&](Result<LargeBody> large) { if (large) committed = *large; });
    world.settle();
    REQUIRE(committed);
    CHECK(committed->size == body.size());
    CHECK(world.sys.names("large").size() == 2);
    for (unsigned tick = 0; tick < Spool::ticks_to_adopt; ++tick) world.spool->tick();
    world.settle();
    CHECK_FALSE(world.spool->adopt_large(forgotten->name));
    CHECK(world.sys.names("large").size() == 1);
}
