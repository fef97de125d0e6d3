#include "authd/audit.h"
#include "tests/unit/authd/fixture.h"

using namespace postern;
using namespace postern::authd;

namespace {

void note(Database& db, const std::string& subject) {
    REQUIRE(append_audit(db, {.id = 0, .time = 5, .actor = "uid 0", .client = "local", .action = "account.create",
                              .subject = subject, .detail = "", .hash = {}})
                .ok());
}

} // namespace

TEST_CASE("The audit log is a chain that pages keep") {
    auto db = test::empty_database();
    for (const char* name : {"a", "b", "c", "d"}) note(db, name);
    const auto all = list_audit(db, {});
    REQUIRE(all->rows.size() == 4);
    CHECK(all->intact);
    CHECK(all->rows.items[3].id == 4);
    const auto second = list_audit(db, {.after = 2, .limit = 1});
    REQUIRE(second->rows.size() == 1);
    CHECK(second->rows.items[0].subject.view() == "c");
    CHECK(second->intact);
}

TEST_CASE("Rows can be neither changed nor deleted") {
    auto db = test::empty_database();
    note(db, "a");
    CHECK_FALSE(db.run("DELETE FROM audit").ok());
    CHECK_FALSE(db.run("UPDATE audit SET actor = 'nobody'").ok());
    CHECK(list_audit(db, {})->rows.size() == 1);
}

TEST_CASE("A row changed behind our back shows") {
    const char* tampering[] = {"UPDATE audit SET subject = 'x' WHERE id = 2", "DELETE FROM audit WHERE id = 2",
                               "UPDATE audit SET hash = (SELECT hash FROM audit WHERE id = 1) WHERE id = 2"};
    for (const char* sql : tampering) {
        INFO(sql);
        auto db = test::empty_database();
        for (const char* name : {"a", "b", "c"}) note(db, name);
        REQUIRE(db.execute("DROP TRIGGER audit_stays; DROP TRIGGER audit_as_it_was").ok());
        REQUIRE(db.execute(sql).ok());
        CHECK_FALSE(list_audit(db, {})->intact);
    }
}
