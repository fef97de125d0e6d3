#include "authd/app_password.h"

#include "libcommon/text.h"
#include "tests/unit/authd/fixture.h"

#include <set>

using namespace postern;
using namespace postern::authd;

namespace {

ipc::AddAppPassword request(std::string name, ipc::AppScopes scopes = {{ipc::AppScope::imap}}, std::int64_t expires = 0) {
    ipc::AddAppPassword request;
    request.account = "ann@example.org";
    request.name = std::move(name);
    request.scopes = std::move(scopes);
    request.expires = expires;
    return request;
}

Database with_ann() {
    auto db = test::empty_database();
    test::add_domain(db, "example.org");
    test::add_account(db, "ann@example.org", "pw");
    return db;
}

ipc::ListAppPasswords of_ann() {
    ipc::ListAppPasswords list;
    list.account = "ann@example.org";
    return list;
}

} // namespace

TEST_CASE("App passwords are made in one form, and read in any that people type") {
    std::set<std::string> seen;
    for (int i = 0; i < 100; ++i) {
        const std::string made = make_app_password();
        REQUIRE(made.size() == 29);
        const auto read = as_app_password(made);
        REQUIRE(read);
        CHECK(read->size() == 25);
        CHECK(as_app_password(" " + ascii_upper(*read) + " ") == read);
        CHECK(seen.insert(*read).second);
    }
    CHECK(as_app_password("k3f9w 7hq2m x4tzd 9c5vb n8r6p") == "k3f9w7hq2mx4tzd9c5vbn8r6p");
    for (std::string_view other : {"", "secret", "k3f9w-7hq2m-x4tzd-9c5vb-n8r6", "k3f9w-7hq2m-x4tzd-9c5vb-n8r6pp", "k3f9w-7hq2m-x4tzd-9c5vb-n8r6u"})
        CHECK_FALSE(as_app_password(other));
}

TEST_CASE("An app password is added, found by its first group, listed and removed") {
    auto db = with_ann();
    REQUIRE(add_app_password(db, request("phone", {{ipc::AppScope::imap, ipc::AppScope::smtp}}, 9000), "k3f9w", "hash", 1000).ok());
    const AccountId ann = show_account(db, "ann@example.org")->row.id;
    const auto found = app_password_of(db, ann, "k3f9w");
    REQUIRE(found);
    CHECK(found->name == "phone");
    CHECK(found->hash == "hash");
    CHECK(app_password_of(db, ann, "other")->id == 0);
    CHECK(app_password_of(db, 0, "k3f9w")->id == 0);
    REQUIRE(store_last_used(db, found->id, 2000).ok());

    const auto listing = list_app_passwords(db, of_ann());
    REQUIRE(listing);
    CHECK(listing->found);
    REQUIRE(listing->rows.size() == 1);
    const auto& row = listing->rows.items[0];
    CHECK(row.scopes == ipc::AppScopes{{ipc::AppScope::smtp, ipc::AppScope::imap}});
    CHECK(row.created == 1000);
    CHECK(row.last_used == 2000);
    CHECK(row.expires == 9000);

    ipc::RemoveAppPassword remove;
    remove.account = "ann@example.org";
    remove.name = "phone";
    CHECK(remove_app_password(db, remove).ok());
    CHECK(remove_app_password(db, remove).error().code() == Errc::not_found);
    CHECK(list_app_passwords(db, of_ann())->rows.empty());
}

TEST_CASE("Scope and expiry") {
    AppPassword row{.id = 1, .name = {}, .hash = {}, .scopes = 1U << static_cast<unsigned>(ipc::AppScope::smtp), .expires = 100};
    CHECK(is_in_scope(row, ipc::Protocol::submission));
    CHECK(is_in_scope(row, ipc::Protocol::smtp));
    CHECK_FALSE(is_in_scope(row, ipc::Protocol::imap));
    CHECK_FALSE(is_in_scope(row, ipc::Protocol::api));
    CHECK_FALSE(has_expired(row, 99));
    CHECK(has_expired(row, 100));
    row.expires = 0;
    CHECK_FALSE(has_expired(row, 100));
}

TEST_CASE("What cannot be an app password is refused") {
    auto db = with_ann();
    CHECK(add_app_password(db, request(""), "aaaaa", "h", 1000).error().code() == Errc::invalid);
    CHECK(add_app_password(db, request("\xFF"), "aaaaa", "h", 1000).error().code() == Errc::invalid);
    CHECK(add_app_password(db, request("x", {}), "aaaaa", "h", 1000).error().code() == Errc::invalid);
    CHECK(add_app_password(db, request("x", {{ipc::AppScope::api}}, 1000), "aaaaa", "h", 1000).error().code() == Errc::invalid);
    auto nobody = request("x");
    nobody.account = "nobody@example.org";
    CHECK(add_app_password(db, nobody, "aaaaa", "h", 1000).error().code() == Errc::not_found);
    REQUIRE(add_app_password(db, request("x"), "aaaaa", "h", 1000).ok());
    CHECK(add_app_password(db, request("x"), "bbbbb", "h", 1000).error().code() == Errc::exists);
    for (std::size_t i = 1; i < ipc::max_app_passwords; ++i)
        REQUIRE(add_app_password(db, request("n" + std::to_string(i)), std::to_string(i), "h", 1000).ok());
    CHECK(add_app_password(db, request("one more"), "ccccc", "h", 1000).error().code() == Errc::conflict);
}
