#include "authd/organizations.h"
#include "tests/unit/authd/fixture.h"

using namespace postern;
using namespace postern::authd;

TEST_CASE("A domain brings its organization, and takes its settings") {
    auto db = test::empty_database();
    test::add_domain(db, "Example.ORG", {.status = {}, .catch_all = ipc::Address("ann@example.org"),
                                         .separator = ipc::Separators("+-"), .default_quota_bytes = 5000,
                                         .default_quota_messages = {}, .max_accounts = 7});
    const auto rows = list_domains(db, {})->rows.items;
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].name.view() == "example.org");
    CHECK(rows[0].organization.view() == "default");
    CHECK(rows[0].catch_all.view() == "ann@example.org");
    CHECK(rows[0].separator.view() == "+-");
    CHECK(rows[0].default_quota_bytes == 5000);
    CHECK(rows[0].max_accounts == 7);
}

TEST_CASE("A change leaves alone what it does not name") {
    auto db = test::empty_database();
    test::add_domain(db, "example.org", {.status = {}, .catch_all = {}, .separator = {}, .default_quota_bytes = 10,
                                         .default_quota_messages = 20, .max_accounts = {}});
    ipc::DomainSettings settings;
    settings.default_quota_bytes = 0;
    REQUIRE(change_domain(db, "EXAMPLE.org", settings).ok());
    const auto row = list_domains(db, {})->rows.items.at(0);
    CHECK(row.default_quota_bytes == 0);
    CHECK(row.default_quota_messages == 20);
    CHECK(row.separator.view() == "+");
}

TEST_CASE("What a domain may not be") {
    auto db = test::empty_database();
    test::add_domain(db, "example.org");
    const auto create = [&](const std::string& name, ipc::DomainSettings settings = {}) {
        ipc::CreateDomain request;
        request.name = name;
        request.settings = std::move(settings);
        const auto made = create_domain(db, request, 0);
        return made ? "ok" : std::string(to_string(made.error().code()));
    };
    CHECK(create("EXAMPLE.ORG") == to_string(Errc::exists));
    CHECK(create("") == to_string(Errc::invalid));
    CHECK(create("exa mple.org") == to_string(Errc::invalid));
    CHECK(create("b.example", {.status = {}, .catch_all = ipc::Address("nobody"), .separator = {},
                               .default_quota_bytes = {}, .default_quota_messages = {}, .max_accounts = {}}) ==
          to_string(Errc::invalid));
    CHECK(create("b.example", {.status = {}, .catch_all = {}, .separator = ipc::Separators("+@"), .default_quota_bytes = {},
                               .default_quota_messages = {}, .max_accounts = {}}) == to_string(Errc::invalid));
}

TEST_CASE("A domain with addresses stays, an empty one goes") {
    auto db = test::empty_database();
    test::add_domain(db, "example.org");
    test::add_account(db, "ann@example.org");
    CHECK(delete_domain(db, "example.org").error().code() == Errc::conflict);
    REQUIRE(delete_account(db, "ann@example.org").ok());
    CHECK(delete_domain(db, "example.org").ok());
    CHECK(delete_domain(db, "example.org").error().code() == Errc::not_found);
}

TEST_CASE("Organizations: made, renamed, listed page by page, kept while they own something") {
    auto db = test::empty_database();
    REQUIRE(create_organization(db, "blue", 1).ok());
    REQUIRE(create_organization(db, "red", 2).ok());
    CHECK(create_organization(db, "red", 2).error().code() == Errc::exists);
    CHECK(create_organization(db, "", 2).error().code() == Errc::invalid);
    REQUIRE(rename_organization(db, "red", "green").ok());
    CHECK(rename_organization(db, "red", "gray").error().code() == Errc::not_found);

    const auto first = list_organizations(db, {.after = "", .limit = 1});
    REQUIRE(first->rows.size() == 1);
    CHECK(first->rows.items[0].name.view() == "blue");
    const auto second = list_organizations(db, {.after = "blue", .limit = 10});
    REQUIRE(second->rows.size() == 1);
    CHECK(second->rows.items[0].name.view() == "green");

    ipc::CreateDomain request;
    request.name = "example.org";
    request.organization = "blue";
    REQUIRE(create_domain(db, request, 0).ok());
    CHECK(delete_organization(db, "blue").error().code() == Errc::conflict);
    CHECK(delete_organization(db, "green").ok());
}
