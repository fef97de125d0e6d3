#include "authd/verifier.h"
#include "tests/unit/authd/fixture.h"

using namespace postern;
using namespace postern::authd;
using namespace std::chrono_literals;

namespace {

Verifier::Password secret(std::string text) { return std::make_shared<const Secret>(std::move(text)); }

struct Bench {
    test::Mailbag bag;
    HashPool pool{bag.post(), 2, 8};
    Verifier verifier{pool, test::cheap, 90s};
    std::string stored = *hash_password("pw", test::cheap);
    Verifier::Time now = Verifier::Clock::now();

    Verifier::Answer ask(AccountId account, std::string_view hash, std::string password) {
        std::optional<Verifier::Answer> answer;
        verifier.verify(account, hash, secret(std::move(password)), now, [&](Verifier::Answer a) { answer = a; });
        bag.run_until([&] { return answer.has_value(); });
        return *answer;
    }
    // Answered inside the call: nothing was computed.
    bool at_once(AccountId account, std::string_view hash, std::string password) {
        bool answered = false;
        auto inside = std::make_shared<bool>(true);
        auto done = std::make_shared<bool>(false);
        verifier.verify(account, hash, secret(std::move(password)), now, [&answered, inside, done](Verifier::Answer a) {
            answered = *inside && a == Verifier::Answer::right;
            *done = true;
        });
        *inside = false;
        bag.run_until([&] { return *done; });
        return answered;
    }
};

} // namespace

TEST_CASE("Right is right, wrong is wrong, nobody and no password are wrong") {
    Bench bench;
    CHECK(bench.ask(1, bench.stored, "pw") == Verifier::Answer::right);
    CHECK(bench.ask(1, bench.stored, "pW") == Verifier::Answer::wrong);
    CHECK(bench.ask(1, "", "") == Verifier::Answer::wrong);
    CHECK(bench.ask(1, "not a hash", "pw") == Verifier::Answer::wrong);
    CHECK(bench.ask(0, bench.stored, "pw") == Verifier::Answer::wrong);
}

TEST_CASE("A right answer is remembered for its time, for that account, hash and password only") {
    Bench bench;
    CHECK_FALSE(bench.at_once(1, bench.stored, "pw"));
    CHECK(bench.at_once(1, bench.stored, "pw"));
    CHECK_FALSE(bench.at_once(1, bench.stored, "pwx"));
    CHECK_FALSE(bench.at_once(2, bench.stored, "pw"));
    CHECK_FALSE(bench.at_once(1, *hash_password("pw", test::cheap), "pw"));   // a new hash, a new question
    CHECK_FALSE(bench.at_once(1, bench.stored, "pw"));                        // one answer per account is kept
    CHECK(bench.at_once(1, bench.stored, "pw"));
    bench.now += 90s;
    CHECK_FALSE(bench.at_once(1, bench.stored, "pw"));
}

TEST_CASE("What is forgotten is computed again") {
    Bench bench;
    CHECK_FALSE(bench.at_once(1, bench.stored, "pw"));
    bench.verifier.forget(1);
    CHECK_FALSE(bench.at_once(1, bench.stored, "pw"));
}

TEST_CASE("The same question of many is computed once; a full queue says unavailable") {
    test::Mailbag bag;
    std::mutex gate;
    gate.lock();                                           // holds the one worker
    HashPool pool(bag.post(), 1, 1);
    bool released = false;
    std::mutex started_mutex;
    std::condition_variable started;
    bool running = false;
    REQUIRE(pool.submit([&] {
        { std::lock_guard lock(started_mutex); running = true; }
        started.notify_one();
        std::lock_guard wait(gate);
    }, [&] { released = true; }));
    { std::unique_lock lock(started_mutex); started.wait(lock, [&] { return running; }); }

    Verifier verifier(pool, test::cheap, 90s);
    const std::string stored = *hash_password("pw", test::cheap);
    int right = 0, unavailable = 0;
    const auto count = [&](Verifier::Answer answer) {
        right += answer == Verifier::Answer::right;
        unavailable += answer == Verifier::Answer::unavailable;
    };
    for (int i = 0; i < 5; ++i) verifier.verify(1, stored, secret("pw"), Verifier::Clock::now(), count);
    CHECK(unavailable == 0);
    verifier.verify(2, stored, secret("pw"), Verifier::Clock::now(), count);   // another question: no room for it
    CHECK(unavailable == 1);
    gate.unlock();
    bag.run_until([&] { return released && right == 5; });
    CHECK(unavailable == 1);
}

TEST_CASE("A pool that goes away finishes what runs and drops what waits") {
    test::Mailbag bag;
    auto ran = std::make_shared<std::atomic<int>>(0);
    {
        HashPool pool(bag.post(), 1, 100);
        for (int i = 0; i < 100; ++i) (void)pool.submit([ran] { ++*ran; }, [] {});
    }
    CHECK(*ran <= 100);
    CHECK(ran.use_count() <= 101);
}

TEST_CASE("A hash of another cost wants rehashing") {
    Bench bench;
    CHECK_FALSE(bench.verifier.needs_rehash(bench.stored));
    CHECK(bench.verifier.needs_rehash(*hash_password("pw", {.memory_kib = 128, .passes = 1, .lanes = 1})));
}
