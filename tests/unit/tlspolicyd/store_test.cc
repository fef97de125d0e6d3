#include "tests/unit/tlspolicyd/folder.h"
#include "tlspolicyd/sts/store.h"

#include <fstream>

using namespace postern;
using namespace postern::sts;

namespace {

constexpr std::int64_t now = 1'795'000'000, day = 86'400;

Entry entry(std::int64_t expires = now + 10 * day, std::int64_t used = now, std::int64_t renewal = now + day) {
    return {{ipc::StsMode::enforce, {"mx.example", "*.example.net"}, 864'000}, "id1", now, expires, used, renewal};
}

sql::Database database(const std::filesystem::path& file = ":memory:") {
    auto db = open_policies(file);
    INFO((db ? "" : db.error().message()));
    REQUIRE(db.ok());
    return std::move(*db);
}

std::vector<std::string> due(Store& store, std::int64_t at, std::size_t limit = 10) {
    const auto domains = store.due(at, at - 14 * day, limit);
    REQUIRE(domains.ok());
    return *domains;
}

} // namespace

TEST_CASE("a policy is kept over a restart") {
    const Folder folder;
    {
        sql::Database db = database(folder.path / "policies.db");
        REQUIRE(Store(db).put("example.org", entry()).ok());
    }
    sql::Database db = database(folder.path / "policies.db");
    Store store(db);
    const auto found = store.find("example.org");
    REQUIRE(found.ok());
    REQUIRE(*found);
    CHECK((*found)->policy == entry().policy);
    CHECK((*found)->id == "id1");
    CHECK((*found)->expires == now + 10 * day);
    CHECK_FALSE(*store.find("example.com"));
    REQUIRE(store.put("example.org", {{ipc::StsMode::none, {}, 5}, "id2", now, now + 5, now, now}).ok());
    CHECK((*store.find("example.org"))->policy == Policy{ipc::StsMode::none, {}, 5});
}

TEST_CASE("a damaged file is set aside") {
    const Folder folder;
    std::ofstream(folder.path / "policies.db") << std::string(8192, 'x');
    sql::Database db = database(folder.path / "policies.db");
    CHECK(Store(db).put("example.org", entry()).ok());
    CHECK(std::filesystem::exists(folder.path / "policies.db.damaged"));
}

TEST_CASE("those are due whose time has come, that hold and are used") {
    sql::Database db = database();
    Store store(db);
    REQUIRE(store.put("later.example", entry(now + 9 * day, now, now + 1)).ok());
    REQUIRE(store.put("second.example", entry(now + 9 * day, now, now - 1)).ok());
    REQUIRE(store.put("first.example", entry(now + 9 * day, now, now - 2)).ok());
    REQUIRE(store.put("expired.example", entry(now, now, now - 3)).ok());
    REQUIRE(store.put("forgotten.example", entry(now + 9 * day, now - 15 * day, now - 3)).ok());
    CHECK(due(store, now) == std::vector<std::string>{"first.example", "second.example"});
    CHECK(due(store, now, 1) == std::vector<std::string>{"first.example"});
    REQUIRE(store.postpone("first.example", now + 10).ok());
    CHECK(due(store, now) == std::vector<std::string>{"second.example"});
    REQUIRE(store.note_use("forgotten.example", now).ok());
    CHECK(due(store, now) == std::vector<std::string>{"forgotten.example", "second.example"});
}

TEST_CASE("what has expired goes, then what was used least lately") {
    sql::Database db = database();
    Store store(db);
    REQUIRE(store.put("expired.example", entry(now)).ok());
    for (int i = 0; i < 10; ++i) REQUIRE(store.put("d" + std::to_string(i) + ".example", entry(now + 9 * day, now - i * day)).ok());
    CHECK(*store.tidy(now, 100) == 10);
    CHECK_FALSE(*store.find("expired.example"));
    CHECK(*store.tidy(now, 3) == 3);
    CHECK(*store.find("d2.example"));
    CHECK_FALSE(*store.find("d3.example"));
}
