#include "policyd/clients.h"
#include "policyd/schema.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>

using namespace postern;
using namespace postern::policy;
using ipc::Standing;

namespace {

constexpr std::int64_t now = 1'795'000'000, day = 86'400;

struct Folder {
    std::filesystem::path path;
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "policyd-XXXXXX").string();
        REQUIRE(::mkdtemp(name.data()));
        path = name;
    }
    ~Folder() { std::filesystem::remove_all(path); }
};

sql::Database database(const std::filesystem::path& file = ":memory:") {
    auto db = open_reputation(file);
    INFO((db ? "" : db.error().message()));
    REQUIRE(db.ok());
    return std::move(*db);
}

} // namespace

TEST_CASE("a client is a stranger until it waited, and proven when it brought mail") {
    sql::Database db = database();
    Clients clients(db);
    for (const bool written : {false, true}) {
        INFO(written);
        CHECK(clients.standing("192.0.2.1", now) == (written ? Standing::proven : Standing::stranger));
        if (!written) {
            clients.waited("192.0.2.1", now);
            CHECK(clients.standing("192.0.2.1", now) == Standing::patient);
            clients.brought_mail("192.0.2.1", now);
            clients.waited("192.0.2.1", now);
        }
        CHECK(clients.standing("192.0.2.1", now) == Standing::proven);
        CHECK(clients.standing("192.0.2.2", now) == Standing::stranger);
        REQUIRE(clients.write().ok());
    }
}

TEST_CASE("history ends some weeks after a client was last seen, and seeing it again begins it again") {
    sql::Database db = database();
    Clients clients(db);
    clients.configure({45 * day, 1000});
    clients.brought_mail("192.0.2.1", now);
    REQUIRE(clients.write().ok());
    CHECK(clients.standing("192.0.2.1", now + 45 * day) == Standing::proven);
    CHECK(clients.standing("192.0.2.1", now + 46 * day) == Standing::stranger);
    clients.waited("192.0.2.1", now + 30 * day);             // still proven, seen again
    REQUIRE(clients.write().ok());
    CHECK(clients.standing("192.0.2.1", now + 70 * day) == Standing::proven);
    clients.waited("192.0.2.1", now + 200 * day);            // what it proved is too long ago
    REQUIRE(clients.write().ok());
    CHECK(clients.standing("192.0.2.1", now + 200 * day) == Standing::patient);
    REQUIRE(clients.remove_old(now + 300 * day).ok());
    sql::Rows left = db.query("SELECT count(*) FROM clients");
    REQUIRE(left.next());
    CHECK(left.number(0) == 0);
}

TEST_CASE("of too many clients the proven stay longest") {
    sql::Database db = database();
    Clients clients(db);
    clients.configure({45 * day, 1000});
    for (int i = 0; i < 1000; ++i) clients.brought_mail("proven" + std::to_string(i), now);
    for (int i = 0; i < 400; ++i) clients.waited("patient" + std::to_string(i), now + 1);
    REQUIRE(clients.write().ok());
    REQUIRE(clients.remove_old(now + 2).ok());
    CHECK(clients.standing("patient7", now) == Standing::stranger);
    for (int i = 0; i < 1000; ++i) CHECK(clients.standing("proven" + std::to_string(i), now) == Standing::proven);
}

TEST_CASE("history outlives the process, and a damaged file is set aside") {
    Folder folder;
    const auto file = folder.path / "reputation.db";
    {
        sql::Database db = database(file);
        Clients clients(db);
        clients.brought_mail("192.0.2.1", now);
        REQUIRE(clients.write().ok());
    }
    {
        sql::Database db = database(file);
        CHECK(Clients(db).standing("192.0.2.1", now) == Standing::proven);
    }
    std::ofstream(file, std::ios::binary) << std::string(8192, 'x');
    sql::Database db = database(file);
    CHECK(Clients(db).standing("192.0.2.1", now) == Standing::stranger);
    CHECK(std::filesystem::exists(file.string() + ".damaged"));
}
