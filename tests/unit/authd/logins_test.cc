#include "authd/logins.h"
#include "tests/unit/authd/fixture.h"

using namespace postern;
using namespace postern::authd;
using namespace std::chrono_literals;
using ipc::LoginStatus;
using ipc::Protocol;
using ipc::ServiceId;

namespace {

const ipc::Peer smtpd{ServiceId::smtpd, 0, 1}, imap_login{ServiceId::imap_login, 0, 1}, imapd{ServiceId::imapd, 0, 1};

struct Door {
    test::Mailbag bag;
    Database db = test::empty_database();
    HashPool pool{bag.post(), 1, 8};
    HashCost cost = test::cheap;
    Verifier verifier{pool, cost, 90s};
    Handles handles{30s, 100};
    Guard guard{db};
    Verifier::Time now{};
    std::chrono::milliseconds waited{};
    std::int64_t day = 5000;
    Logins logins{db, verifier, handles, guard, [this] { return now; }, [this] { return day; },
                  [this](std::chrono::milliseconds delay, const std::function<void()>& task) {
                      waited += delay;
                      task();
                  }};
    AccountId ann = 0;

    explicit Door(HashCost today = test::cheap) : cost(today) {
        test::add_domain(db, "example.org");
        test::add_domain(db, "closed.example", {.status = ipc::DomainStatus::disabled, .catch_all = {}, .separator = {},
                                                .default_quota_bytes = {}, .default_quota_messages = {},
                                                .max_accounts = {}});
        ann = test::add_account(db, "ann@example.org", "pw");
        test::add_account(db, "none@example.org");
        test::add_account(db, "sue@example.org", "pw", {.name = {}, .status = ipc::AccountStatus::suspended, .role = {},
                                                        .quota_bytes = {}, .quota_messages = {}});
        test::add_account(db, "carl@closed.example", "pw");
        REQUIRE(test::add_alias(db, "team@example.org", {"ann@example.org"}).ok());
    }

    ipc::Login request(std::string username, std::string password, Protocol protocol = Protocol::imap) {
        ipc::Login login;
        login.protocol = protocol;
        login.username = std::move(username);
        login.password = std::move(password);
        return login;
    }
    ipc::LoginResult log_in(ipc::Login login, const ipc::Peer& peer = imap_login) {
        std::optional<ipc::LoginResult> result;
        logins.login({peer, [] { return true; }}, std::move(login), [&](const ipc::LoginResult& r) { result = r; });
        bag.run_until([&] { return result.has_value(); });
        return *result;
    }
};

} // namespace

TEST_CASE("A right password yields a handle that imapd redeems") {
    Door door;
    const auto result = door.log_in(door.request("Ann@example.org", "pw"));
    REQUIRE(result.status == LoginStatus::ok);
    CHECK(result.account == door.ann);
    CHECK(result.address.view() == "ann@example.org");
    ipc::Redeem redeem;
    redeem.handle = result.handle;
    CHECK_FALSE(door.logins.redeem(smtpd, redeem).valid);
    const auto identity = door.logins.redeem(imapd, redeem);
    CHECK(identity.valid);
    CHECK(identity.account == door.ann);
    CHECK_FALSE(door.logins.redeem(imapd, redeem).valid);
}

TEST_CASE("All who may not log in get the same answer, each after a computation") {
    Door door;
    const std::pair<std::string, std::string> refused[] = {
        {"ann@example.org", "wrong"}, {"nobody@example.org", "pw"}, {"nobody@elsewhere.example", "pw"},
        {"not an address", "pw"},     {"", ""},                     {"none@example.org", ""},
        {"sue@example.org", "pw"},    {"carl@closed.example", "pw"}, {"team@example.org", "pw"},
        {"ann", "pw"},
    };
    for (const auto& [username, password] : refused) {
        INFO(username);
        bool answered_at_once = true, answered = false;
        ipc::LoginResult result;
        door.logins.login({imap_login, [] { return true; }}, door.request(username, password),
                          [&](const ipc::LoginResult& r) { result = r; answered = true; });
        answered_at_once = answered;
        door.bag.run_until([&] { return answered; });
        CHECK_FALSE(answered_at_once);
        CHECK(encode(result) == encode(ipc::LoginResult{LoginStatus::denied, {}, 0, {}}));
    }
    CHECK(door.handles.size() == 0);
}

TEST_CASE("An authorization identity is the user's own or denied") {
    Door door;
    auto login = door.request("ann@example.org", "pw");
    login.authzid = "ANN@EXAMPLE.ORG";
    CHECK(door.log_in(std::move(login)).status == LoginStatus::ok);
    login = door.request("ann@example.org", "pw");
    login.authzid = "none@example.org";
    CHECK(door.log_in(std::move(login)).status == LoginStatus::denied);
}

TEST_CASE("A front logs in for its own protocol only") {
    Door door;
    CHECK(door.log_in(door.request("ann@example.org", "pw", Protocol::submission), smtpd).status == LoginStatus::ok);
    CHECK(door.log_in(door.request("ann@example.org", "pw", Protocol::imap), smtpd).status == LoginStatus::denied);
    CHECK(door.log_in(door.request("ann@example.org", "pw", Protocol::submission), imap_login).status ==
          LoginStatus::denied);
}

TEST_CASE("A password that changed while it was being checked does not log in") {
    Door door;
    std::optional<ipc::LoginResult> result;
    door.logins.login({imap_login, [] { return true; }}, door.request("ann@example.org", "pw"),
                      [&](const ipc::LoginResult& r) { result = r; });
    REQUIRE(store_password(door.db, door.ann, *derive("new", test::cheap)).ok());
    door.bag.run_until([&] { return result.has_value(); });
    CHECK(result->status == LoginStatus::denied);
}

TEST_CASE("No handle is made for a front that is gone") {
    Door door;
    bool there = true;
    door.logins.login({imap_login, [&] { return there; }}, door.request("ann@example.org", "pw"),
                      [](const ipc::LoginResult&) { FAIL("answered nobody"); });
    there = false;
    door.bag.run_one();
    CHECK(door.handles.size() == 0);
}

TEST_CASE("A hash of another cost is replaced at login, and the password still works") {
    Door door({.memory_kib = 128, .passes = 1, .lanes = 1});
    const std::string before = login_account(door.db, door.ann)->hash;
    REQUIRE(door.log_in(door.request("ann@example.org", "pw")).status == LoginStatus::ok);
    door.bag.run_until([&] { return login_account(door.db, door.ann)->hash != before; });
    CHECK(login_account(door.db, door.ann)->hash.starts_with("$argon2id$v=19$m=128,"));
    CHECK(door.log_in(door.request("ann@example.org", "pw")).status == LoginStatus::ok);
}

TEST_CASE("Last logins are written together, later") {
    Door door;
    REQUIRE(door.log_in(door.request("ann@example.org", "pw")).status == LoginStatus::ok);
    CHECK(show_account(door.db, "ann@example.org")->row.last_login == 0);
    door.logins.write_last_logins(4711);
    CHECK(show_account(door.db, "ann@example.org")->row.last_login == 4711);
}

TEST_CASE("A password is compared as SASLprep writes it, however it was typed") {
    Door door;
    REQUIRE(store_password(door.db, door.ann, *derive("caf\xC3\xA9 \xE2\x85\xA8", test::cheap)).ok());
    for (const char* typed : {"caf\xC3\xA9 \xE2\x85\xA8", "cafe\xCC\x81 IX", "caf\xC3\xA9\xC2\xA0IX"})
        CHECK(door.log_in(door.request("ann@example.org", typed)).status == LoginStatus::ok);
    CHECK(door.log_in(door.request("ann@example.org", "cafe IX")).status == LoginStatus::denied);
}

TEST_CASE("A hash of a password that was never prepared still counts, and is prepared at that login") {
    Door door;
    const std::string raw = "cafe\xCC\x81";                               // as some keyboards compose it
    REQUIRE(store_password(door.db, door.ann, {.hash = *hash_password(raw, test::cheap), .scram = {}, .cram_md5 = {}}).ok());
    REQUIRE(door.log_in(door.request("ann@example.org", raw)).status == LoginStatus::ok);
    door.bag.run_until([&] { return !login_account(door.db, door.ann)->scram.empty(); });
    CHECK(verify_password("caf\xC3\xA9", *parse_phc(login_account(door.db, door.ann)->hash)));
    CHECK(door.log_in(door.request("ann@example.org", raw)).status == LoginStatus::ok);

    const std::string refused = "tab\there";                              // no other form exists of it
    const StoredPassword old{.hash = *hash_password(refused, test::cheap), .scram = {}, .cram_md5 = {}};
    REQUIRE(store_password(door.db, door.ann, old).ok());
    REQUIRE(door.log_in(door.request("ann@example.org", refused)).status == LoginStatus::ok);
    REQUIRE(door.log_in(door.request("ann@example.org", "wrong")).status == LoginStatus::denied);   // the one worker is idle again
    CHECK(login_account(door.db, door.ann)->hash == old.hash);
}

TEST_CASE("The first login with an imported hash makes a SCRAM verifier") {
    Door door;
    REQUIRE(store_password(door.db, door.ann, {.hash = *hash_password("pw", test::cheap), .scram = {}, .cram_md5 = {}}).ok());
    REQUIRE(door.log_in(door.request("ann@example.org", "pw")).status == LoginStatus::ok);
    door.bag.run_until([&] { return !login_account(door.db, door.ann)->scram.empty(); });
    CHECK(door.log_in(door.request("ann@example.org", "pw")).status == LoginStatus::ok);
}

TEST_CASE("An app password logs in where its scope allows, until it expires or is removed") {
    Door door;
    const std::string typed = make_app_password();
    const std::string normal = *as_app_password(typed);
    ipc::AddAppPassword add;
    add.account = "ann@example.org";
    add.name = "phone";
    add.scopes.push_back(ipc::AppScope::imap);
    add.expires = 6000;
    REQUIRE(add_app_password(door.db, add, selector_of(normal), *hash_password(normal, test::cheap), 1000).ok());

    CHECK(door.log_in(door.request("ann@example.org", typed)).status == LoginStatus::ok);
    CHECK(door.log_in(door.request("ann@example.org", normal)).status == LoginStatus::ok);
    CHECK(door.log_in(door.request("ann@example.org", "pw")).status == LoginStatus::ok);
    CHECK(door.log_in(door.request("ann@example.org", typed, Protocol::submission), smtpd).status == LoginStatus::denied);
    CHECK(door.log_in(door.request("none@example.org", typed)).status == LoginStatus::denied);
    std::string wrong = normal;
    wrong.back() = wrong.back() == 'x' ? 'y' : 'x';
    CHECK(door.log_in(door.request("ann@example.org", wrong)).status == LoginStatus::denied);
    CHECK(door.log_in(door.request("ann@example.org", make_app_password())).status == LoginStatus::denied);

    door.logins.write_last_logins(4711);
    ipc::ListAppPasswords list;
    list.account = "ann@example.org";
    CHECK(list_app_passwords(door.db, list)->rows.items[0].last_used == 4711);

    door.day = 6000;
    CHECK(door.log_in(door.request("ann@example.org", typed)).status == LoginStatus::denied);
    door.day = 5999;
    CHECK(door.log_in(door.request("ann@example.org", typed)).status == LoginStatus::ok);
    ipc::RemoveAppPassword remove;
    remove.account = "ann@example.org";
    remove.name = "phone";
    REQUIRE(remove_app_password(door.db, remove).ok());
    CHECK(door.log_in(door.request("ann@example.org", typed)).status == LoginStatus::denied);
}
