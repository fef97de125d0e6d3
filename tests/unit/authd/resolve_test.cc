#include "authd/resolve.h"
#include "authd/send_as.h"
#include "tests/unit/authd/fixture.h"

using namespace postern;
using namespace postern::authd;

namespace {

std::string_view name(ipc::RecipientStatus status) {
    constexpr std::string_view names[] = {"deliver", "foreign", "unknown", "disabled", "over-quota", "loop", "invalid",
                                          "unavailable"};
    return names[static_cast<std::size_t>(status)];
}

// "deliver 1:ann@example.org+lists >x@elsewhere.example"
std::string describe(const ipc::RecipientVerdict& verdict) {
    std::string out(name(verdict.status));
    for (const auto& target : verdict.targets) {
        out += " " + std::to_string(target.account) + ":" + target.delivered_to.value;
        if (!target.detail.empty()) out += " detail=" + target.detail.value;
    }
    for (const auto& forward : verdict.forwards) out += " >" + forward.value;
    return out;
}

struct House {
    Database db = test::empty_database();
    Resolver resolver{db, ""};

    House() {
        test::add_domain(db, "example.org");
        test::add_domain(db, "catch.example", {.status = {}, .catch_all = ipc::Address("ann@example.org"),
                                               .separator = Text<1>(""), .default_quota_bytes = {},
                                               .default_quota_messages = {}, .max_accounts = {}});
        test::add_domain(db, "closed.example", {.status = ipc::DomainStatus::disabled, .catch_all = {}, .separator = {},
                                                .default_quota_bytes = {}, .default_quota_messages = {},
                                                .max_accounts = {}});
        test::add_account(db, "ann@example.org");                                                       // 1
        test::add_account(db, "bob@example.org", "", {.name = {}, .status = {}, .role = {}, .quota_bytes = 1000,
                                                      .quota_messages = {}});           // 2
        set_status("gone@example.org", ipc::AccountStatus::disabled);                                   // 3
        set_status("away@example.org", ipc::AccountStatus::suspended);                                  // 4
        test::add_account(db, "root@example.org", "", {.name = {}, .status = {}, .role = ipc::AccountRole::admin,
                                                       .quota_bytes = {}, .quota_messages = {}});   // 5
        test::add_account(db, "a+b@example.org");                                                       // 6
        test::add_account(db, "carl@closed.example");                                                   // 7
        alias("team@example.org", {"ann@example.org", "bob@example.org", "team2@example.org", "X@Elsewhere.example"});
        alias("team2@example.org", {"Bob@example.org", "away@example.org", "X@elsewhere.example"});
        alias("off@example.org", {"ann@example.org"}, false);
        alias("ring1@example.org", {"ring2@example.org"});
        alias("ring2@example.org", {"ring1@example.org"});
        alias("half@example.org", {"ring1@example.org", "ann@example.org"});
        alias("lost@example.org", {"nobody@example.org"});
        alias("dead@example.org", {"gone@example.org"});
        alias("stray@example.org", {"whoever@catch.example"});
        alias("folder@example.org", {"ann+work@example.org"});
        for (int i = 0; i < 12; ++i)
            alias("deep" + std::to_string(i) + "@example.org",
                  {i == 11 ? "ann@example.org" : "deep" + std::to_string(i + 1) + "@example.org"});
    }
    void set_status(const std::string& address, ipc::AccountStatus status) {
        test::add_account(db, address, "", {.name = {}, .status = status, .role = {}, .quota_bytes = {},
                                            .quota_messages = {}});
    }
    void alias(const std::string& address, std::vector<std::string> targets, bool active = true) {
        REQUIRE(test::add_alias(db, address, std::move(targets), active).ok());
    }
};

struct Case { std::string_view recipient, expect; };
constexpr Case cases[] = {
    {"ann@example.org", "deliver 1:ann@example.org"},
    {"Ann@Example.ORG", "deliver 1:Ann@example.org"},
    {"\"ann\"@example.org", "deliver 1:ann@example.org"},        // RFC 5321 section 4.1.2: quoting changes nothing
    {"nobody@example.org", "unknown"},
    {"ann@elsewhere.example", "foreign"},
    {"ann@[192.0.2.1]", "foreign"},
    {"gone@example.org", "disabled"},
    {"away@example.org", "deliver 4:away@example.org"},          // suspended still receives
    {"carl@closed.example", "disabled"},
    {"", "invalid"}, {"ann", "invalid"}, {"@example.org", "invalid"}, {"ann@", "invalid"},
    {"ann+Lists@example.org", "deliver 1:ann+Lists@example.org detail=Lists"},
    {"ann+a+b@example.org", "deliver 1:ann+a+b@example.org detail=a+b"},
    {"a+b@example.org", "deliver 6:a+b@example.org"},            // a real name comes before a subaddress
    {"+x@example.org", "unknown"},
    {"team@example.org", "deliver 1:ann@example.org 2:bob@example.org 4:away@example.org >X@elsewhere.example"},
    {"team+x@example.org",
     "deliver 1:ann@example.org detail=x 2:bob@example.org detail=x 4:away@example.org detail=x >X@elsewhere.example"},
    {"folder@example.org", "deliver 1:ann+work@example.org detail=work"},
    {"off@example.org", "unknown"},
    {"ring1@example.org", "loop"},
    {"half@example.org", "deliver 1:ann@example.org"},           // one good target is enough
    {"lost@example.org", "unknown"},
    {"dead@example.org", "disabled"},
    {"deep0@example.org", "loop"},
    {"deep2@example.org", "deliver 1:ann@example.org"},
    {"whoever@catch.example", "deliver 1:ann@example.org"},
    {"who+ever@catch.example", "deliver 1:ann@example.org"},
    {"stray@example.org", "deliver 1:ann@example.org"},
    {"postmaster@example.org", "deliver 5:postmaster@example.org"},
    {"Abuse@catch.example", "deliver 5:Abuse@catch.example"},    // a person, not the catch-all
    {"postmaster", "deliver 5:postmaster@example.org"},
    {"Postmaster@closed.example", "disabled"},
};

} // namespace

TEST_CASE("Where recipients go") {
    House house;
    for (const Case& c : cases) {
        INFO(c.recipient);
        CHECK(describe(house.resolver.recipient(c.recipient, 0)) == c.expect);
        CHECK(describe(house.resolver.recipient(c.recipient, 0)) == c.expect);   // and once more, remembered
    }
}

TEST_CASE("An internationalized domain is one, in both of its forms; so is an address in it") {
    House house;
    test::add_domain(house.db, "Bücher.example");
    const AccountId id = test::add_account(house.db, "Pär@bücher.example");
    house.alias("grüße@xn--bcher-kva.example", {"pär@BÜCHER.example"});
    for (const char* address : {"pär@bücher.example", "Pär@xn--bcher-kva.example", "PäR@BÜCHER.EXAMPLE", "grüße@bücher.example"}) {
        INFO(address);
        CHECK(describe(house.resolver.recipient(address, 0)).starts_with("deliver " + std::to_string(id) + ":"));
    }
    CHECK(describe(house.resolver.recipient("par@bücher.example", 0)) == "unknown");
    CHECK(describe(house.resolver.recipient("pär@bucher.example", 0)) == "foreign");
    ipc::CreateDomain again;
    again.name = "XN--Bcher-KVA.example";
    CHECK(create_domain(house.db, again, 1000).error().code() == Errc::exists);
}

TEST_CASE("A message larger than the mailbox may ever be is refused at RCPT") {
    House house;
    CHECK(describe(house.resolver.recipient("bob@example.org", 1000)) == "deliver 2:bob@example.org");
    CHECK(describe(house.resolver.recipient("bob@example.org", 1001)) == "over-quota");
    CHECK(describe(house.resolver.recipient("ann@example.org", 1001)) == "deliver 1:ann@example.org");
}

TEST_CASE("A change is seen once what was remembered is forgotten") {
    House house;
    CHECK(describe(house.resolver.recipient("ann@example.org", 0)) == "deliver 1:ann@example.org");
    CHECK(describe(house.resolver.recipient("new@example.org", 0)) == "unknown");
    CHECK(describe(house.resolver.recipient("x@new.example", 0)) == "foreign");
    REQUIRE(delete_account(house.db, "ann@example.org").ok());
    test::add_account(house.db, "new@example.org");
    test::add_domain(house.db, "new.example");
    house.resolver.forget();
    CHECK(describe(house.resolver.recipient("ann@example.org", 0)) == "unknown");
    CHECK(describe(house.resolver.recipient("new@example.org", 0)) == "deliver 8:new@example.org");
    CHECK(describe(house.resolver.recipient("x@new.example", 0)) == "unknown");
}

TEST_CASE("Memory of answers is bounded and loses nothing") {
    House house;
    for (std::size_t i = 0; i < 2 * Resolver::max_remembered + 10; ++i) {
        const std::string recipient = "ann+" + std::to_string(i) + "@example.org";
        if (house.resolver.recipient(recipient, 0).status != ipc::RecipientStatus::deliver) FAIL(recipient);
    }
    CHECK(describe(house.resolver.recipient("ann+0@example.org", 0)) == "deliver 1:ann+0@example.org detail=0");
}

TEST_CASE("postmaster@ goes where the operator said, and to a person when that fails") {
    House house;
    Resolver configured(house.db, "bob@example.org");
    CHECK(describe(configured.recipient("postmaster@example.org", 0)) == "deliver 2:bob@example.org");
    Resolver broken(house.db, "nobody@example.org");
    CHECK(describe(broken.recipient("postmaster@example.org", 0)) == "deliver 5:postmaster@example.org");
    Resolver circular(house.db, "postmaster@example.org");
    CHECK(describe(circular.recipient("abuse@example.org", 0)) == "deliver 5:postmaster@example.org");
    house.alias("postmaster@example.org", {"ann@example.org"});
    house.resolver.forget();
    CHECK(describe(house.resolver.recipient("postmaster@example.org", 0)) == "deliver 1:ann@example.org");
}

TEST_CASE("Who may send as whom") {
    House house;
    const auto verdict = [&](AccountId account, std::string_view reverse_path) {
        return house.resolver.may_send_as(account, reverse_path) == ipc::Verdict::allowed;
    };
    CHECK(verdict(1, ""));                              // RFC 8098 section 3: notifications go from <>
    CHECK(verdict(1, "ann@example.org"));
    CHECK(verdict(1, "ANN+x@example.org"));
    CHECK(verdict(1, "team@example.org"));
    CHECK(verdict(4, "team@example.org"));              // by way of team2
    CHECK_FALSE(verdict(5, "team@example.org"));
    CHECK_FALSE(verdict(2, "ann@example.org"));
    CHECK_FALSE(verdict(1, "whoever@catch.example"));   // a catch-all is no right to speak for the domain
    CHECK_FALSE(verdict(1, "stray@example.org"));
    CHECK_FALSE(verdict(1, "ann@elsewhere.example"));
    CHECK_FALSE(verdict(1, "off@example.org"));
    CHECK_FALSE(verdict(1, "not an address"));
    CHECK(verdict(5, "postmaster@example.org"));
    CHECK_FALSE(verdict(0, "ann@example.org"));
}

TEST_CASE("An account may send as what it was granted, until that goes") {
    House house;
    const auto verdict = [&](AccountId account, std::string_view reverse_path) {
        return house.resolver.may_send_as(account, reverse_path) == ipc::Verdict::allowed;
    };
    const auto grant = [&](const char* account, const char* address) {
        ipc::GrantSendAs request;
        request.account = account;
        request.address = address;
        const auto done = grant_send_as(house.db, request);
        return done ? std::optional<Errc>() : done.error().code();
    };
    const auto revoke = [&](const char* account, const char* address) {
        ipc::RevokeSendAs request;
        request.account = account;
        request.address = address;
        return revoke_send_as(house.db, request).ok();
    };
    CHECK(grant("ann@example.org", "BOB@Example.org") == std::nullopt);
    CHECK(grant("ann@example.org", "Ann@elsewhere.example") == std::nullopt);
    CHECK(grant("ann@example.org", "@sales.example") == std::nullopt);
    CHECK(grant("ann@example.org", "bob@example.org") == Errc::exists);
    CHECK(grant("ann@example.org", "no address") == Errc::invalid);
    CHECK(grant("ann@example.org", "@") == Errc::invalid);
    CHECK(grant("ann@example.org", "\"\"@example.org") == Errc::invalid);
    CHECK(grant("nobody@example.org", "bob@example.org") == Errc::not_found);

    CHECK(verdict(1, "bob@example.org"));
    CHECK(verdict(1, "Bob+x@example.org"));
    CHECK(verdict(1, "ann@elsewhere.example"));
    CHECK_FALSE(verdict(1, "ann+x@elsewhere.example"));   // what a subaddress is elsewhere we do not know
    CHECK(verdict(1, "whoever@sales.example"));
    CHECK_FALSE(verdict(1, "whoever@x.sales.example"));
    CHECK_FALSE(verdict(2, "ann@example.org"));           // not the other way round
    CHECK_FALSE(verdict(2, "whoever@sales.example"));

    ipc::ListSendAs list;
    list.account = "ann@example.org";
    const auto listing = list_send_as(house.db, list);
    REQUIRE(listing);
    REQUIRE(listing->rows.size() == 3);
    CHECK(listing->rows.items[0].address.view() == "ann@elsewhere.example");
    CHECK(listing->rows.items[1].address.view() == "bob@example.org");
    CHECK(listing->rows.items[2].address.view() == "@sales.example");

    CHECK(revoke("ann@example.org", "@sales.example"));
    CHECK_FALSE(revoke("ann@example.org", "@sales.example"));
    CHECK_FALSE(verdict(1, "whoever@sales.example"));
    REQUIRE(delete_account(house.db, "bob@example.org").ok());
    test::add_account(house.db, "bob@example.org");       // somebody else
    house.resolver.forget();
    CHECK_FALSE(verdict(1, "bob@example.org"));
    REQUIRE(delete_account(house.db, "ann@example.org").ok());
    CHECK_FALSE(verdict(1, "ann@elsewhere.example"));
}
