#include "tests/unit/authd/fixture.h"

using namespace postern;
using namespace postern::authd;

namespace {

std::string joined(const auto& names) {
    std::string out;
    for (const auto& name : names) out += (out.empty() ? "" : " ") + std::string(name.view());
    return out;
}

Result<AccountId> add(Database& db, const std::string& account, const std::string& address, bool primary = false) {
    ipc::AddAddress request;
    request.account = account;
    request.address = address;
    request.primary = primary;
    return add_address(db, request);
}

} // namespace

TEST_CASE("An account id is never used again") {
    auto db = test::empty_database();
    test::add_domain(db, "example.org");
    const AccountId first = test::add_account(db, "ann@example.org");
    REQUIRE(delete_account(db, "ann@example.org").ok());
    CHECK(test::add_account(db, "ann@example.org") > first);
}

TEST_CASE("An address exists once, whatever its case and whoever has it") {
    auto db = test::empty_database();
    test::add_domain(db, "example.org");
    test::add_account(db, "ann@example.org");
    ipc::NewAccount again;
    again.address = "ANN@Example.org";
    CHECK(create_account(db, again, {}, 0).error().code() == Errc::exists);
    CHECK(test::add_alias(db, "ann@example.org", {"bob@example.org"}).error().code() == Errc::exists);
    REQUIRE(test::add_alias(db, "team@example.org", {"ann@example.org"}).ok());
    again.address = "team@example.org";
    CHECK(create_account(db, again, {}, 0).error().code() == Errc::exists);
    again.address = "ann@elsewhere.example";
    CHECK(create_account(db, again, {}, 0).error().code() == Errc::not_found);
}

TEST_CASE("Several addresses over several domains, one of them primary") {
    auto db = test::empty_database();
    test::add_domain(db, "example.org");
    test::add_domain(db, "example.com");
    const AccountId ann = test::add_account(db, "ann@example.org");
    test::add_account(db, "bob@example.org");
    REQUIRE(add(db, "ann@example.org", "ann@example.com").ok());
    CHECK(add(db, "ann@example.org", "bob@example.org").error().code() == Errc::exists);
    CHECK(add(db, "ann@example.org", "ann@example.com").error().code() == Errc::exists);
    CHECK(joined(show_account(db, "Ann@Example.com")->addresses) == "ann@example.org ann@example.com");

    CHECK(remove_address(db, "ann@example.org").error().code() == Errc::conflict);
    REQUIRE(add(db, "ann@example.org", "ann@example.com", true).ok());
    CHECK(login_account(db, ann)->address == "ann@example.com");
    CHECK(remove_address(db, "ann@example.org").ok());
    CHECK(joined(show_account(db, "ann@example.com")->addresses) == "ann@example.com");
}

TEST_CASE("A quota is the domain's until the account has its own") {
    auto db = test::empty_database();
    test::add_domain(db, "example.org", {.status = {}, .catch_all = {}, .separator = {}, .default_quota_bytes = 1000,
                                         .default_quota_messages = 10, .max_accounts = {}});
    const AccountId ann = test::add_account(db, "ann@example.org");
    CHECK(login_account(db, ann)->quota_bytes == 1000);
    ipc::AccountSettings settings;
    settings.quota_bytes = 0;
    REQUIRE(change_account(db, test::change("ann@example.org", settings)).ok());
    CHECK(login_account(db, ann)->quota_bytes == 0);
    CHECK(login_account(db, ann)->quota_messages == 10);
    settings.quota_bytes = ipc::quota_of_domain;
    REQUIRE(change_account(db, test::change("ann@example.org", settings)).ok());
    CHECK(login_account(db, ann)->quota_bytes == 1000);
    CHECK(show_account(db, "ann@example.org")->row.quota_bytes == ipc::quota_of_domain);
    settings.quota_bytes = ipc::quota_of_domain - 1;
    CHECK(change_account(db, test::change("ann@example.org", settings)).error().code() == Errc::invalid);
}

TEST_CASE("A full domain takes no more accounts") {
    auto db = test::empty_database();
    test::add_domain(db, "example.org", {.status = {}, .catch_all = {}, .separator = {}, .default_quota_bytes = {},
                                         .default_quota_messages = {}, .max_accounts = 1});
    test::add_account(db, "ann@example.org");
    ipc::NewAccount another;
    another.address = "bob@example.org";
    CHECK(create_account(db, another, {}, 0).error().code() == Errc::conflict);
}

TEST_CASE("Listings go page by page in id order, of one domain or of all") {
    auto db = test::empty_database();
    test::add_domain(db, "a.example");
    test::add_domain(db, "b.example");
    for (int i = 0; i < 5; ++i) test::add_account(db, "u" + std::to_string(i) + (i % 2 ? "@b.example" : "@a.example"));
    const auto page = [&](const std::string& domain, AccountId after, std::uint32_t limit) {
        std::string out;
        const auto listing = list_accounts(db, {.domain = domain, .after = after, .limit = limit});
        for (const auto& row : listing->rows)
            out += row.address.value + " ";
        return out;
    };
    CHECK(page("", 0, 2) == "u0@a.example u1@b.example ");
    CHECK(page("", 2, 9) == "u2@a.example u3@b.example u4@a.example ");
    CHECK(page("B.example", 0, 9) == "u1@b.example u3@b.example ");
}

TEST_CASE("An account shows the aliases that name it") {
    auto db = test::empty_database();
    test::add_domain(db, "example.org");
    test::add_account(db, "ann@example.org");
    REQUIRE(test::add_alias(db, "team@example.org", {"Ann@Example.org", "x@elsewhere.example"}).ok());
    CHECK(joined(show_account(db, "ann@example.org")->aliases) == "team@example.org");
}

TEST_CASE("Aliases: replaced, listed, deleted; never empty, never themselves") {
    auto db = test::empty_database();
    test::add_domain(db, "example.org");
    CHECK(test::add_alias(db, "a@example.org", {}).error().code() == Errc::invalid);
    CHECK(test::add_alias(db, "a@example.org", {"A@example.org"}).error().code() == Errc::invalid);
    CHECK(test::add_alias(db, "a@elsewhere.example", {"b@example.org"}).error().code() == Errc::not_found);
    // Each operation runs in a transaction of its caller's: a refused one left nothing behind.
    db = test::empty_database();
    test::add_domain(db, "example.org");
    REQUIRE(test::add_alias(db, "a@example.org", {"b@example.org", "C@Elsewhere.Example"}).ok());
    REQUIRE(test::add_alias(db, "b@example.org", {"c@example.org"}, false).ok());

    ipc::SaveAlias change;
    change.create = false;
    change.alias.address = "b@example.org";
    change.alias.targets.push_back("d@example.org");
    REQUIRE(save_alias(db, change).ok());
    const auto rows = list_aliases(db, {})->rows.items;
    REQUIRE(rows.size() == 2);
    CHECK(joined(rows[0].targets) == "b@example.org C@elsewhere.example");   // a foreign local part keeps its case
    CHECK(joined(rows[1].targets) == "d@example.org");
    CHECK(rows[1].active);
    CHECK(list_aliases(db, {.only = "", .domain = "", .after = "a@example.org", .limit = 9})->rows.size() == 1);
    CHECK(list_aliases(db, {.only = "A@example.org", .domain = "", .after = "", .limit = 9})->rows.size() == 1);
    CHECK(list_aliases(db, {.only = "", .domain = "none.example", .after = "", .limit = 9})->rows.empty());
    REQUIRE(delete_alias(db, "a@example.org").ok());
    CHECK(delete_alias(db, "a@example.org").error().code() == Errc::not_found);
}
