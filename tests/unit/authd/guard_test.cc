#include "authd/guard.h"
#include "tests/unit/authd/fixture.h"

using namespace postern;
using namespace postern::authd;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view home = "192.0.2.1", attacker = "198.51.100.1", loopback = "127.0.0.1";
constexpr std::int64_t wall = 1'795'000'000;

struct Watch {
    Database db = test::empty_database();
    Guard guard{db};
    Guard::Time now{1000h};
    AccountId ann = 0;
    std::vector<Guard::Ban> bans;

    Watch() {
        test::add_domain(db, "example.org");
        ann = test::add_account(db, "ann@example.org", "pw");
        guard.configure({.first_delay = 500ms, .lockout_failures = 10, .lockout_time = 15min, .ban_failures = 50,
                         .ban_time = 1h, .v6_prefix = 64, .trust = {}});
        guard.on_ban([this](const Guard::Ban& ban) { bans.push_back(ban); });
    }
    Guard::Attempt at_ann(std::string_view client) const { return {ann, "ann@example.org", client}; }
    std::chrono::milliseconds fail(const Guard::Attempt& attempt, int times = 1) {
        std::chrono::milliseconds last{};
        for (int i = 0; i < times; ++i) last = guard.failed(attempt, now);
        return last;
    }
    void succeed(const Guard::Attempt& attempt) { (void)guard.succeeded(attempt, now, wall); }
    bool locked(std::string_view client) { return guard.locked_out(at_ann(client), now); }
};

} // namespace

TEST_CASE("each failure of a client at an account waits twice as long, up to a most") {
    Watch w;
    const std::chrono::milliseconds expected[] = {500ms, 1s, 2s, 4s, 8s, 8s};
    for (const auto delay : expected) CHECK(w.fail(w.at_ann(attacker)) == delay);
    CHECK(w.fail(w.at_ann(home)) == 500ms);                      // somebody else's mistake
    w.now += 1h;
    CHECK(w.fail(w.at_ann(attacker)) == 500ms);
}

TEST_CASE("a client that guesses is locked out of that account, nobody else and nowhere else") {
    Watch w;
    w.fail(w.at_ann(attacker), 9);
    CHECK_FALSE(w.locked(attacker));
    w.fail(w.at_ann(attacker));
    CHECK(w.locked(attacker));
    CHECK_FALSE(w.locked(home));
    CHECK_FALSE(w.guard.locked_out({0, "bob@example.org", attacker}, w.now));
    w.now += 15min - 1s;
    CHECK(w.locked(attacker));
    w.now += 1s;
    CHECK_FALSE(w.locked(attacker));
}

TEST_CASE("a client from which the account logged in before is never locked out of it") {
    Watch w;
    w.succeed(w.at_ann(home));
    for (const bool written : {false, true}) {
        INFO(written);
        w.fail(w.at_ann(home), 45);
        CHECK_FALSE(w.locked(home));
        if (!written) {
            REQUIRE(w.guard.write(wall).ok());
            w.guard.written();
        }
    }
    CHECK(w.bans.empty());                                       // nor banned: others may be there
    w.fail({0, "bob@example.org", home}, 10);
    CHECK(w.guard.locked_out({0, "bob@example.org", home}, w.now));
}

TEST_CASE("guesses from everywhere lock nobody out, and cost the owner a second elsewhere") {
    Watch w;
    w.succeed(w.at_ann(home));
    for (int i = 1; i <= 60; ++i) w.fail(w.at_ann("203.0.113." + std::to_string(i)));
    CHECK_FALSE(w.locked("192.0.2.77"));
    CHECK(w.guard.succeeded(w.at_ann("192.0.2.77"), w.now, wall) == 1s);
    CHECK(w.guard.succeeded(w.at_ann(home), w.now, wall) == 0ms);
    CHECK(w.fail(w.at_ann(loopback)) == 1s);
    CHECK(w.bans.empty());
}

TEST_CASE("a client that guesses at many accounts is banned once per so many failures") {
    Watch w;
    for (int i = 0; i < 50; ++i) w.fail({0, "user" + std::to_string(i) + "@example.org", attacker});
    REQUIRE(w.bans.size() == 1);
    CHECK(w.bans[0].client == attacker);
    CHECK(w.bans[0].failures == 50);
    CHECK(w.bans[0].duration == 1h);
    w.fail({0, "x@example.org", attacker}, 49);
    CHECK(w.bans.size() == 1);
    w.fail({0, "x@example.org", attacker});
    CHECK(w.bans.size() == 2);
}

TEST_CASE("a guess at the password of nobody is treated as one at somebody's") {
    Watch w;
    const Guard::Attempt nobody{0, "Nobody@Example.org", attacker}, same{0, "nobody@example.org", attacker};
    for (int i = 0; i < 5; ++i) {
        const auto delay = w.fail(nobody);
        CHECK(delay == Watch().fail(Watch().at_ann(attacker), i + 1));
    }
    w.fail(same, 5);
    CHECK(w.guard.locked_out(nobody, w.now));
}

TEST_CASE("loopback is never delayed, locked out or banned") {
    Watch w;
    CHECK(w.fail(w.at_ann(loopback), 19) == 0ms);
    for (const std::string_view client : {loopback, std::string_view("::1"), std::string_view("local")}) {
        w.fail(w.at_ann(client), 200);
        CHECK_FALSE(w.locked(client));
    }
    CHECK(w.bans.empty());
}

TEST_CASE("an IPv6 client is its network") {
    Watch w;
    for (int i = 0; i < 10; ++i) w.fail(w.at_ann("2001:db8::" + std::to_string(i)));
    CHECK(w.locked("2001:db8::ffff"));
    CHECK_FALSE(w.locked("2001:db8:0:1::"));
}

TEST_CASE("what an operator forgives is forgotten") {
    Watch w;
    w.fail(w.at_ann(attacker), 12);
    const Guard::Attempt other{0, "bob@example.org", "198.51.101.1"};
    w.fail(other, 12);
    CHECK(w.guard.forget(*Network::parse("198.51.100.0/24")) == 3);
    CHECK_FALSE(w.locked(attacker));
    CHECK(w.guard.locked_out(other, w.now));
    CHECK(w.fail(w.at_ann(attacker)) == 500ms);
    CHECK(w.guard.forget(*Network::parse("192.0.2.0/24")) == 0);
}
