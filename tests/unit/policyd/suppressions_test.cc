#include "policyd/schema.h"
#include "policyd/sent.h"
#include "policyd/suppressions.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::policy;

namespace {

constexpr std::int64_t now = 1'795'000'000;
constexpr std::int64_t day = 86'400;

ipc::AddressNote refusal(std::string_view address) {
    ipc::AddressNote note;
    note.address = address;
    note.refused = true;
    note.code = "5.1.1";
    note.host = "mx.far.test";
    note.reply = "no such user";
    return note;
}

struct Fixture {
    sql::Database db = std::move(*open_reputation(":memory:"));
    Suppressions list{db};

    explicit Fixture(Suppressions::Settings settings = {3, 30 * day, 1000}) { list.configure(settings); }
    void refuse(std::string_view address, int times, std::int64_t at = now) {
        for (int i = 0; i < times; ++i) list.refused(refusal(address), at);
    }
    bool stopped(std::string_view address, std::int64_t at = now) const { return list.find(address, at) != nullptr; }
};

} // namespace

TEST_CASE("an address is suppressed after so many refusals in a row, whatever the case of its letters") {
    Fixture f;
    f.refuse("Ann@Far.test", 2);
    CHECK_FALSE(f.stopped("ann@far.test"));
    f.refuse("ann@far.test", 1);
    REQUIRE(f.stopped("ANN@far.test"));
    CHECK(f.list.find("ann@far.test", now)->refusals == 3);
    CHECK_FALSE(f.stopped("bob@far.test"));
}

TEST_CASE("mail that was taken forgives what was refused before") {
    Fixture f;
    f.refuse("ann@far.test", 2);
    f.list.taken("Ann@far.test", now);
    f.refuse("ann@far.test", 2);
    CHECK_FALSE(f.stopped("ann@far.test"));
}

TEST_CASE("mail that was under way when its address was stopped changes nothing") {
    Fixture f;
    f.refuse("ann@far.test", 3);
    f.list.taken("ann@far.test", now);
    CHECK(f.stopped("ann@far.test"));
}

TEST_CASE("a suppressed address is tried again when its time is over, with a clean slate") {
    Fixture f;
    f.refuse("ann@far.test", 3);
    CHECK(f.stopped("ann@far.test", now + 30 * day - 1));
    CHECK_FALSE(f.stopped("ann@far.test", now + 30 * day));
    f.refuse("ann@far.test", 1, now + 30 * day);
    CHECK_FALSE(f.stopped("ann@far.test", now + 30 * day));
    f.list.expire(now + 60 * day);
    CHECK(f.list.size() == 0);
}

TEST_CASE("refusals far apart are not in a row") {
    Fixture f;
    f.refuse("ann@far.test", 2);
    f.refuse("ann@far.test", 1, now + 31 * day);
    CHECK_FALSE(f.stopped("ann@far.test", now + 31 * day));
}

TEST_CASE("without a number of refusals only operators suppress") {
    Fixture f({0, 30 * day, 1000});
    f.refuse("ann@far.test", 100);
    CHECK_FALSE(f.stopped("ann@far.test"));
    ipc::SuppressionRow row;
    row.address = "Bob@far.test";
    row.by = "uid 0";
    REQUIRE(f.list.add(row, now).ok());
    CHECK(f.stopped("bob@far.test", now + 30 * day - 1));
    CHECK(f.list.in_force(now) == 1);
    CHECK(f.list.remove("BOB@far.test"));
    CHECK_FALSE(f.list.remove("bob@far.test"));
    CHECK_FALSE(f.stopped("bob@far.test"));
}

TEST_CASE("what is known survives a restart, and what was forgotten does not come back") {
    Fixture f;
    f.refuse("ann@far.test", 3);
    f.refuse("bob@far.test", 1);
    REQUIRE(f.list.write().ok());
    f.list.remove("bob@far.test");
    REQUIRE(f.list.write().ok());
    Suppressions next(f.db);
    REQUIRE(next.load().ok());
    CHECK(next.size() == 1);
    REQUIRE(next.find("ann@far.test", now));
    CHECK(next.find("ann@far.test", now)->host.view() == "mx.far.test");
    CHECK(next.page("", 10).size() == 1);
    CHECK(next.page("ann@far.test", 10).empty());
}

TEST_CASE("of too many addresses the longest forgotten go, never one that is suppressed") {
    Fixture f({2, 30 * day, 3000});
    f.refuse("kept@far.test", 2, now - 9 * day);
    for (int i = 0; i < 3500; ++i) f.refuse("u" + std::to_string(i) + "@far.test", 1, now + i);
    CHECK(f.list.size() <= 3000);
    CHECK(f.stopped("kept@far.test", now));
    f.refuse("u3499@far.test", 1, now + 3500);
    CHECK(f.stopped("u3499@far.test", now + 3500));
}

TEST_CASE("a report is believed once, of a message that went there") {
    Sent sent(2);
    const QueueId first{1, 2, 3}, second{1, 2, 4}, third{1, 2, 5};
    sent.add(first, "Ann@far.test");
    CHECK_FALSE(sent.take(first, "bob@far.test"));
    CHECK_FALSE(sent.take(second, "ann@far.test"));
    CHECK(sent.take(first, "ann@FAR.test"));
    CHECK_FALSE(sent.take(first, "ann@far.test"));
    for (const QueueId& id : {first, second, third}) sent.add(id, "ann@far.test");
    CHECK(sent.size() == 2);
    CHECK_FALSE(sent.take(first, "ann@far.test"));
    CHECK(sent.take(third, "ann@far.test"));
}
