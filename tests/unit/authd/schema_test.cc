#include "tests/unit/authd/fixture.h"

#include <filesystem>
#include <unistd.h>

using namespace postern;
using namespace postern::authd;

namespace {

class Folder {
  public:
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "authd-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()));
        path_ = name;
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

} // namespace

TEST_CASE("What was committed is there when the database opens again") {
    Folder folder;
    {
        auto db = open_accounts(folder / "accounts.db");
        REQUIRE(db.ok());
        test::add_domain(*db, "example.org");
        test::add_account(*db, "ann@example.org");
    }
    auto db = open_accounts(folder / "accounts.db");
    REQUIRE(db.ok());
    CHECK(show_account(*db, "ann@example.org")->found);
}

TEST_CASE("The server's secret is made once and stays") {
    Folder folder;
    const auto read = [&] {
        auto db = open_accounts(folder / "accounts.db");
        REQUIRE(db.ok());
        auto secret = server_secret(*db);
        REQUIRE(secret.ok());
        return *secret;
    };
    const std::string secret = read();
    CHECK(secret.size() == 32);
    CHECK(read() == secret);
}

TEST_CASE("A database of a newer version is refused") {
    Folder folder;
    {
        auto db = open_accounts(folder / "accounts.db");
        REQUIRE(db->run("INSERT INTO migrations (version, applied) VALUES (?, 0)", 9999).ok());
    }
    auto db = open_accounts(folder / "accounts.db");
    REQUIRE_FALSE(db.ok());
    CHECK(db.error().code() == Errc::unsupported);
}

TEST_CASE("A transaction that is not committed leaves nothing") {
    auto db = test::empty_database();
    {
        Transaction transaction(db);
        test::add_domain(db, "example.org");
    }
    CHECK(list_domains(db, {})->rows.empty());
}

TEST_CASE("Durable settings are on") {
    Folder folder;
    auto db = open_accounts(folder / "accounts.db");
    REQUIRE(db.ok());
    const auto pragma = [&](std::string_view sql) {
        Rows rows = db->query(sql);
        REQUIRE(rows.next());
        return std::string(rows.text(0));
    };
    CHECK(pragma("PRAGMA journal_mode") == "wal");
    CHECK(pragma("PRAGMA synchronous") == "2");
    CHECK(pragma("PRAGMA foreign_keys") == "1");
}
