#include "authd/backup_recipients.h"
#include "authd/groups.h"
#include "authd/resolve.h"
#include "authd/send_as.h"
#include "tests/unit/authd/fixture.h"

using namespace postern;
using namespace postern::authd;

namespace {

std::string_view name(ipc::RecipientStatus status) {
    constexpr std::string_view names[] = {"deliver", "foreign", "unknown", "disabled", "over-quota", "loop", "invalid",
                                          "unavailable", "not-permitted", "too-large", "too-many", "not-returnable"};
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

ipc::ResolveRecipient question(std::string_view recipient, std::uint64_t size = 0, std::string_view reverse_path = "") {
    ipc::ResolveRecipient asked;
    asked.forward_path = recipient;
    asked.size = size;
    asked.reverse_path = reverse_path;
    return asked;
}

struct House {
    Database db = test::empty_database();
    std::int64_t now = 1000;
    Uses uses;
    Resolver resolver = asking("");

    Resolver asking(std::string postmaster) {
        return Resolver(db, uses, {std::move(postmaster), {"security", "noc"}}, [this] { return now; });
    }
    ipc::RecipientVerdict ask(std::string_view recipient, std::uint64_t size = 0, AccountId sender = 0,
                              std::string_view reverse_path = "") {
        return resolver.recipient(question(recipient, size, reverse_path), sender);
    }

    House() {
        test::add_domain(db, "example.org");
        test::add_domain(db, "catch.example", {.catch_all = ipc::Address("ann@example.org"), .separator = ipc::Separators("")});
        test::add_domain(db, "closed.example", {.status = ipc::DomainStatus::disabled});
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
        // Made one by one a loop is refused: this is what a separator that is set later closes.
        alias("ring2@example.org", {"somewhere@example.org"});
        REQUIRE(db.run("UPDATE alias_targets SET target = 'ring1@example.org' WHERE target = 'somewhere@example.org'").ok());
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
    void group(const std::string& address, std::vector<std::string> members, ipc::Posting posting = ipc::Posting::members,
               std::vector<std::string> posters = {}) {
        ipc::SaveGroup request;
        request.address = address;
        request.settings.posting = posting;
        request.settings.posters.emplace();
        for (auto& poster : posters) request.settings.posters->push_back(poster);
        REQUIRE(save_group(db, request).ok());
        ipc::ChangeMembers change;
        change.group = address;
        for (auto& member : members) change.add.push_back(member);
        REQUIRE(change_members(db, change).ok());
        resolver.forget();
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
    {"", "invalid"}, {"ann@@", "invalid"}, {"@example.org", "invalid"}, {"ann@", "invalid"},
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
    {"security@example.org", "deliver 5:security@example.org"},  // RFC 2142, as configured
    {"NOC@catch.example", "deliver 5:NOC@catch.example"},
    {"security+x@example.org", "unknown"},
    {"hostmaster@example.org", "unknown"},
    {"Abuse@catch.example", "deliver 5:Abuse@catch.example"},    // a person, not the catch-all
    {"postmaster", "deliver 5:postmaster@example.org"},
    {"ann", "deliver 1:ann@example.org"},                        // where no domain is said
    {"ann+lists", "deliver 1:ann+lists@example.org detail=lists"},
    {"nobody", "unknown"},
    {"\"ann@elsewhere.example\"", "unknown"},
    {"ann%elsewhere.example", "unknown"},
    {"ann lee", "invalid"},
    {"Postmaster@closed.example", "disabled"},
};

} // namespace

TEST_CASE("Where recipients go") {
    House house;
    for (const Case& c : cases) {
        INFO(c.recipient);
        CHECK(describe(house.ask(c.recipient)) == c.expect);
        CHECK(describe(house.ask(c.recipient)) == c.expect);   // and once more, remembered
    }
}

TEST_CASE("An internationalized domain is one, in both of its forms; so is an address in it") {
    House house;
    test::add_domain(house.db, "Bücher.example");
    const AccountId id = test::add_account(house.db, "Pär@bücher.example");
    house.alias("grüße@xn--bcher-kva.example", {"pär@BÜCHER.example"});
    for (const char* address : {"pär@bücher.example", "Pär@xn--bcher-kva.example", "PäR@BÜCHER.EXAMPLE", "grüße@bücher.example"}) {
        INFO(address);
        CHECK(describe(house.ask(address)).starts_with("deliver " + std::to_string(id) + ":"));
    }
    CHECK(describe(house.ask("par@bücher.example")) == "unknown");
    CHECK(describe(house.ask("pär@bucher.example")) == "foreign");
    ipc::CreateDomain again;
    again.name = "XN--Bcher-KVA.example";
    CHECK(create_domain(house.db, again, 1000).error().code() == Errc::exists);
}

TEST_CASE("A message larger than the mailbox may ever be is refused at RCPT") {
    House house;
    CHECK(describe(house.ask("bob@example.org", 1000)) == "deliver 2:bob@example.org");
    CHECK(describe(house.ask("bob@example.org", 1001)) == "over-quota");
    CHECK(describe(house.ask("ann@example.org", 1001)) == "deliver 1:ann@example.org");
}

TEST_CASE("A change is seen once what was remembered is forgotten") {
    House house;
    CHECK(describe(house.ask("ann@example.org")) == "deliver 1:ann@example.org");
    CHECK(describe(house.ask("new@example.org")) == "unknown");
    CHECK(describe(house.ask("x@new.example")) == "foreign");
    REQUIRE(delete_account(house.db, "ann@example.org").ok());
    test::add_account(house.db, "new@example.org");
    test::add_domain(house.db, "new.example");
    house.resolver.forget();
    CHECK(describe(house.ask("ann@example.org")) == "unknown");
    CHECK(describe(house.ask("new@example.org")) == "deliver 8:new@example.org");
    CHECK(describe(house.ask("x@new.example")) == "unknown");
}

TEST_CASE("Memory of answers is bounded and loses nothing") {
    House house;
    for (std::size_t i = 0; i < 2 * Resolver::max_remembered + 10; ++i) {
        const std::string recipient = "ann+" + std::to_string(i) + "@example.org";
        if (house.ask(recipient, 0).status != ipc::RecipientStatus::deliver) FAIL(recipient);
    }
    CHECK(describe(house.ask("ann+0@example.org")) == "deliver 1:ann+0@example.org detail=0");
}

TEST_CASE("postmaster@ goes where the operator said, and to a person when that fails") {
    House house;
    Resolver configured = house.asking("bob@example.org");
    CHECK(describe(configured.recipient(question("postmaster@example.org"))) == "deliver 2:bob@example.org");
    Resolver broken = house.asking("nobody@example.org");
    CHECK(describe(broken.recipient(question("postmaster@example.org"))) == "deliver 5:postmaster@example.org");
    Resolver circular = house.asking("postmaster@example.org");
    CHECK(describe(circular.recipient(question("abuse@example.org"))) == "deliver 5:postmaster@example.org");
    house.alias("postmaster@example.org", {"ann@example.org"});
    house.resolver.forget();
    CHECK(describe(house.ask("postmaster@example.org")) == "deliver 1:ann@example.org");
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
    house.group("crew@example.org", {"ann@example.org"});
    CHECK_FALSE(verdict(1, "crew@example.org"));        // its members are spoken to, not for
}

TEST_CASE("An alias counts from its first second until its last, without being told") {
    House house;
    ipc::SaveAlias request;
    request.alias.address = "sale@example.org";
    request.alias.targets.push_back("ann@example.org");
    request.term = {.from = 2000, .until = 3000};
    REQUIRE(save_alias(house.db, request).ok());
    house.alias("shop@example.org", {"sale@example.org", "bob@example.org"});
    for (const auto& [now, sale, shop] : {std::tuple(1999, "unknown", "deliver 2:bob@example.org"),
                                          std::tuple(2000, "deliver 1:ann@example.org", "deliver 1:ann@example.org 2:bob@example.org"),
                                          std::tuple(2999, "deliver 1:ann@example.org", "deliver 1:ann@example.org 2:bob@example.org"),
                                          std::tuple(3000, "unknown", "deliver 2:bob@example.org")}) {
        INFO(now);
        house.now = now;
        for (int twice = 0; twice < 2; ++twice) {
            CHECK(describe(house.ask("sale@example.org")) == sale);
            CHECK(describe(house.ask("shop@example.org")) == shop);
        }
    }
    request.create = false;
    request.term = {.from = 3000, .until = 3000};
    CHECK(save_alias(house.db, request).error().code() == Errc::invalid);
}

TEST_CASE("An alias that leads back to itself is refused when it is made") {
    House house;
    const auto add = [&](const std::string& address, std::vector<std::string> targets) {
        const auto made = test::add_alias(house.db, address, std::move(targets), false);   // switched on it would be one
        return made ? "ok" : made.error().message();
    };
    CHECK(add("a@example.org", {"b@example.org"}) == "ok");
    CHECK(add("c@example.org", {"ann@example.org", "A+x@example.org"}) == "ok");
    CHECK(add("b@example.org", {"c@example.org"}) == "it would lead back to itself, by c@example.org, a+x@example.org");
    CHECK(add("d@example.org", {"d+x@example.org"}) == "it would lead back to itself");
    CHECK(add("e@example.org", {"ring1@example.org"}) == "ok");         // not its own loop
}

TEST_CASE("A subaddress begins at the first of the domain's separators; an exact name comes first, the catch-all last") {
    House house;
    test::add_domain(house.db, "many.example", {.catch_all = ipc::Address("bob@example.org"), .separator = ipc::Separators("+-")});
    test::add_account(house.db, "jean@many.example");        // 8
    test::add_account(house.db, "jean-luc@many.example");    // 9
    for (const auto& [recipient, expect] : {std::pair("jean-luc@many.example", "deliver 9:jean-luc@many.example"),
                                            std::pair("jean-x+y@many.example", "deliver 8:jean-x+y@many.example detail=x+y"),
                                            std::pair("jean+x-y@many.example", "deliver 8:jean+x-y@many.example detail=x-y"),
                                            std::pair("jean-luc+x@many.example", "deliver 8:jean-luc+x@many.example detail=luc+x"),
                                            std::pair("jeanne@many.example", "deliver 2:bob@example.org"),
                                            std::pair("-x@many.example", "deliver 2:bob@example.org")}) {
        INFO(recipient);
        CHECK(describe(house.ask(recipient)) == expect);
    }
}

TEST_CASE("Who may post to a group") {
    House house;
    test::add_account(house.db, "eve@catch.example");        // 8, has an address in another domain only
    house.group("inner@example.org", {"bob@example.org"}, ipc::Posting::listed);
    house.group("crew@example.org", {"ann@example.org", "inner@example.org"});
    house.group("open@example.org", {"crew@example.org", "ann+x@example.org"}, ipc::Posting::anyone);
    house.group("staff@example.org", {"ann@example.org"}, ipc::Posting::domain);
    house.group("board@example.org", {"away@example.org"}, ipc::Posting::listed,
                {"bob@example.org", "crew@example.org", "Partner@elsewhere.example"});
    house.alias("all@example.org", {"crew@example.org", "away@example.org"});
    const std::string_view crew = "deliver 1:ann@example.org 2:bob@example.org", no = "not-permitted";
    struct Post { std::string_view group; AccountId sender; std::string_view reverse_path, expect; };
    for (const Post& post : {
             Post{"crew@example.org", 1, "ann@example.org", crew},
             Post{"crew@example.org", 2, "", crew},                               // a member by way of another group
             Post{"crew@example.org", 4, "away@example.org", no},
             Post{"crew@example.org", 0, "ann@example.org", no},                  // anybody can claim to be ann
             Post{"open@example.org", 0, "x@elsewhere.example", crew},            // and what is inside does not ask again
             Post{"all@example.org", 0, "", no},
             Post{"all@example.org", 2, "", "deliver 1:ann@example.org 2:bob@example.org 4:away@example.org"},
             Post{"staff@example.org", 5, "root@example.org", "deliver 1:ann@example.org"},
             Post{"staff@example.org", 8, "eve@catch.example", no},
             Post{"board@example.org", 2, "bob@example.org", "deliver 4:away@example.org"},
             Post{"board@example.org", 1, "ann@example.org", "deliver 4:away@example.org"},
             Post{"board@example.org", 0, "bob@example.org", no},
             Post{"board@example.org", 0, "partner@Elsewhere.example", "deliver 4:away@example.org"},
             Post{"board@example.org", 4, "away@example.org", no},                // receives, is not listed
             Post{"inner@example.org", 0, "", no},                                // nobody is
         }) {
        INFO(post.group << " from " << post.sender << " " << post.reverse_path);
        CHECK(describe(house.ask(post.group, 0, post.sender, post.reverse_path)) == post.expect);
    }
}

TEST_CASE("postmaster and abuse are refused for no policy") {
    House house;
    house.group("abuse@example.org", {"bob@example.org"});
    house.uses.set({2, 5000, 1});
    CHECK(describe(house.ask("abuse@example.org", 9999)) == "deliver 2:bob@example.org");
    house.alias("postmaster@example.org", {"gone@example.org"});
    CHECK(describe(house.ask("postmaster@example.org")) == "deliver 5:postmaster@example.org");
}

TEST_CASE("An address that leads to more than a message may have is refused as a whole") {
    House house;
    const auto fill = [&](const std::string& group) {
        std::vector<std::string> members;
        for (int i = 0; i < 600; ++i) {
            members.push_back(std::to_string(i) + "." + group);
            test::add_account(house.db, members.back());
        }
        house.group(group, members, ipc::Posting::anyone);
    };
    fill("half1@example.org");
    fill("half2@example.org");
    house.group("both@example.org", {"half1@example.org", "half2@example.org"}, ipc::Posting::anyone);
    CHECK(house.ask("half1@example.org").targets.size() == 600);
    CHECK(describe(house.ask("both@example.org")) == "too-many");
}

TEST_CASE("What a mailbox holds counts once its owner has said it") {
    House house;                                             // bob may have 1000 bytes
    std::vector<AccountId> asked;
    bool owner_there = false;
    std::uint64_t told = 0;
    house.uses.on_ask([&](AccountId account, const ipc::MailboxLimits& limits) {
        told = limits.bytes;
        return asked.push_back(account), owner_there;
    });
    CHECK(describe(house.ask("bob@example.org", 900)) == "deliver 2:bob@example.org");   // not known: not refused
    CHECK(describe(house.ask("ann@example.org")) == "deliver 1:ann@example.org");        // no quota: nobody is asked
    owner_there = true;
    CHECK(house.ask("bob@example.org").room == 1000);
    CHECK(house.ask("bob@example.org").room == 1000);
    CHECK(asked == std::vector<AccountId>{2, 2});            // once nobody was there, then once
    house.uses.set({2, 400, 3});
    CHECK(house.ask("bob@example.org").room == 600);
    CHECK(describe(house.ask("bob@example.org", 601)) == "over-quota");
    CHECK(describe(house.ask("team2@example.org", 601)) == "deliver 2:bob@example.org 4:away@example.org >X@elsewhere.example");
    house.uses.set({2, 1000, 3});
    CHECK(describe(house.ask("bob@example.org")) == "over-quota");
    house.uses.owner_gone(0, 2);                             // its last word counts, and its successor is asked
    CHECK(describe(house.ask("bob@example.org")) == "over-quota");
    CHECK(asked == std::vector<AccountId>{2, 2, 2});
    house.uses.set({2, 100, 3});
    CHECK(describe(house.ask("bob@example.org", 900)) == "deliver 2:bob@example.org");
    CHECK(told == 1000);

    for (const std::uint64_t quota : {2000, 0}) {            // its owner is told of another one, and of none
        ipc::AccountSettings settings;
        settings.quota_bytes = quota;
        REQUIRE(change_account(house.db, test::change("bob@example.org", settings)).ok());
        house.resolver.forget();
        asked.clear();
        CHECK(describe(house.ask("bob@example.org")) == "deliver 2:bob@example.org");
        CHECK(describe(house.ask("bob@example.org")) == "deliver 2:bob@example.org");
        CHECK(asked == std::vector<AccountId>{2});
        CHECK(told == quota);
    }
    house.uses.owner_gone(0, 2);                             // nothing is left that its successor would have to know
    CHECK(describe(house.ask("bob@example.org")) == "deliver 2:bob@example.org");
    CHECK(asked == std::vector<AccountId>{2});
}

TEST_CASE("A quota of messages") {
    House house;
    ipc::AccountSettings settings;
    settings.quota_messages = 3;
    test::add_account(house.db, "few@example.org", "", settings);    // 8
    house.uses.set({8, 1, 2});
    CHECK(house.ask("few@example.org", 1 << 30).room == 0);  // of bytes there is no limit
    house.uses.set({8, 1, 3});
    CHECK(describe(house.ask("few@example.org")) == "over-quota");
}

TEST_CASE("The size of a message is limited by the account, else by its domain") {
    House house;
    test::add_domain(house.db, "small.example", {.max_message_bytes = 5000});
    test::add_account(house.db, "plain@small.example");
    ipc::AccountSettings settings;
    settings.max_message_bytes = 9000;
    test::add_account(house.db, "big@small.example", "", settings);
    CHECK(house.ask("ann@example.org").size_limit == 0);
    CHECK(house.ask("plain@small.example", 5000).size_limit == 5000);
    CHECK(describe(house.ask("plain@small.example", 5001)) == "too-large");
    CHECK(house.ask("big@small.example", 9000).size_limit == 9000);
    CHECK(describe(house.ask("big@small.example", 9001)) == "too-large");
    house.alias("pair@small.example", {"plain@small.example", "big@small.example"});
    CHECK(house.ask("pair@small.example").size_limit == 9000);       // what one of them takes
    CHECK(describe(house.ask("postmaster@small.example", 99999)).starts_with("deliver"));
}

TEST_CASE("A domain we are backup MX of takes any recipient for its host, and its own addresses here first") {
    House house;
    test::add_domain(house.db, "else.example", {.backup_mx = true});
    house.alias("local@else.example", {"ann@example.org"});
    CHECK(describe(house.ask("Anyone@else.example")) == "deliver >Anyone@else.example");
    CHECK(describe(house.ask("postmaster@else.example")) == "deliver >postmaster@else.example");
    CHECK(describe(house.ask("local@else.example")) == "deliver 1:ann@example.org");
    CHECK(house.resolver.may_send_as(1, "anyone@else.example") == ipc::Verdict::denied);
    const auto leads = [&](const char* forward_path, const char* address) {
        return house.resolver.leads_to({forward_path, address}, "") == ipc::Verdict::allowed;
    };
    CHECK(leads("Anyone@else.example", "Anyone@else.example"));
    CHECK(leads("team@example.org", "X@elsewhere.example"));
    CHECK_FALSE(leads("team@example.org", "other@elsewhere.example"));
    CHECK_FALSE(leads("x@elsewhere.example", "x@elsewhere.example"));
    CHECK_FALSE(leads("ann@example.org", "x@elsewhere.example"));
}

TEST_CASE("A backup MX with a list takes whom the list has, once all of it is there") {
    House house;
    test::add_domain(house.db, "else.example", {.backup_mx = true});
    const auto store = [&](std::vector<ipc::Address> addresses, bool first, bool last) {
        ipc::StoreBackupRecipients request;
        request.domain = "else.example";
        request.first = first;
        request.last = last;
        request.addresses = std::move(addresses);
        Transaction transaction(house.db);
        const auto stored = store_backup_recipients(house.db, request);
        if (stored) REQUIRE(transaction.commit().ok());
        house.resolver.forget();
        return stored ? std::to_string(*stored) : stored.error().message();
    };
    const auto takes = [&](std::string_view recipient) { return house.ask(recipient).status == ipc::RecipientStatus::deliver; };
    CHECK(store({"ann@else.example", "Bob@Else.Example"}, true, false) == "2");
    CHECK(takes("whoever@else.example"));                                   // not all of it is there
    CHECK(store({"carl@else.example", "ann@else.example"}, false, true) == "3");
    CHECK(describe(house.ask("Ann@else.example")) == "deliver >Ann@else.example");
    CHECK(takes("bob@else.example"));
    CHECK(takes("carl+lists@else.example"));
    CHECK(takes("postmaster@else.example"));
    CHECK(describe(house.ask("whoever@else.example")) == "unknown");
    CHECK(describe(house.ask("security@else.example")) == "unknown");       // a role, but not ours to have
    CHECK(house.resolver.leads_to({"ann@else.example", "ann@else.example"}, "") == ipc::Verdict::allowed);
    CHECK(house.resolver.leads_to({"whoever@else.example", "whoever@else.example"}, "") == ipc::Verdict::denied);

    CHECK(store({"dora@else.example"}, true, false) == "1");                // and whoever sent it went away
    CHECK(store({"emil@else.example"}, true, true) == "1");
    CHECK_FALSE(takes("ann@else.example"));
    CHECK_FALSE(takes("dora@else.example"));
    CHECK(takes("emil@else.example"));

    CHECK(store({}, true, true).starts_with("the list is empty"));
    CHECK(store({"ann@example.org"}, true, true).starts_with("not in this domain"));
    CHECK(store({"no address"}, true, true).starts_with("expected @"));
    CHECK(takes("emil@else.example"));
    CHECK_FALSE(takes("ann@else.example"));

    ipc::ListBackupRecipients page;
    page.domain = "else.example";
    REQUIRE(list_backup_recipients(house.db, page)->rows.size() == 1);
    CHECK(list_backup_recipients(house.db, page)->rows.items[0].address.view() == "emil@else.example");
    page.after = "emil@else.example";
    CHECK(list_backup_recipients(house.db, page)->rows.empty());
    ipc::ListDomains all;
    all.only = "else.example";
    CHECK(list_domains(house.db, all)->backups.items.at(0).recipients == 1);

    REQUIRE(clear_backup_recipients(house.db, "else.example").ok());
    house.resolver.forget();
    CHECK(takes("whoever@else.example"));
    CHECK_FALSE(clear_backup_recipients(house.db, "nowhere.example").ok());
    REQUIRE(delete_domain(house.db, "else.example").ok());                  // its list goes with it
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

namespace {
// With what a message of this sender leaves for the addresses elsewhere that the recipient leads to.
std::string leaves_as(House& house, std::string_view recipient, std::string_view reverse_path) {
    return house.ask(recipient, 0, 0, reverse_path).reverse_path.value;
}
std::string local_part_at(const std::string& address, const std::string& domain) {
    return address.substr(0, address.rfind('@') + 1) + domain;
}
} // namespace

TEST_CASE("What an address here sends on elsewhere leaves with a reverse-path of its domain") {
    House house;
    const std::string ours = leaves_as(house, "team@example.org", "Ann@far.example");
    CHECK(ours.starts_with("SRS0="));
    CHECK(ours.ends_with("=far.example=Ann@example.org"));
    CHECK(leaves_as(house, "team@example.org", "Ann@far.example") == ours);            // remembered or not
    CHECK(leaves_as(house, "team@example.org", "ann@example.org") == "");              // one of ours
    CHECK(leaves_as(house, "team@example.org", "") == "");
    CHECK(leaves_as(house, "ann@example.org", "ann@far.example") == "");               // it stays here
    CHECK(leaves_as(house, "team@example.org", std::string(60, 'a') + "@far.example") == "");
    test::add_domain(house.db, "else.example", {.backup_mx = true});
    house.resolver.forget();
    CHECK(leaves_as(house, "any@else.example", "ann@far.example") == "");              // no forwarding, but its way there
    house.resolver.configure({.rewrite = false});
    CHECK(leaves_as(house, "team@example.org", "Ann@far.example") == "");
}

TEST_CASE("A report comes back to who sent what was sent on, and nothing else does") {
    House house;
    const std::string ours = leaves_as(house, "team@example.org", "Ann@far.example");
    CHECK(describe(house.ask(ours)) == "deliver >Ann@far.example");
    CHECK(house.ask(ours).reverse_path.empty());
    CHECK(house.resolver.leads_to({ours, "Ann@far.example"}, "") == ipc::Verdict::allowed);
    CHECK(house.resolver.leads_to({ours, "eve@far.example"}, "") == ipc::Verdict::denied);
    // Who is no report cannot use it as a relay, whoever sends it.
    CHECK(describe(house.ask(ours, 0, 0, "eve@far.example")) == "not-returnable");
    CHECK(describe(house.ask(ours, 0, 1, "ann@example.org")) == "not-returnable");
    CHECK(house.resolver.leads_to({ours, "Ann@far.example"}, "eve@far.example") == ipc::Verdict::denied);
    CHECK(house.resolver.may_send_as(1, ours) == ipc::Verdict::denied);
    // Neither can what we did not write, here or in a domain whose mail somebody catches.
    std::string forged = ours;
    forged.replace(forged.find("=Ann"), 4, "=Eve");
    CHECK(describe(house.ask(forged)) == "not-returnable");
    CHECK(house.resolver.leads_to({forged, "Eve@far.example"}, "") == ipc::Verdict::denied);
    CHECK(describe(house.ask("SRS0=x@catch.example")) == "not-returnable");
    CHECK(describe(house.ask("SRS0=x@elsewhere.example")) == "foreign");
    house.now += 22 * 86400;
    CHECK(describe(house.ask(ours)) == "not-returnable");
    CHECK(house.resolver.leads_to({ours, "Ann@far.example"}, "") == ipc::Verdict::denied);
}

TEST_CASE("How long return addresses last, and for what, is configured") {
    House house;
    const std::string ours = leaves_as(house, "team@example.org", "ann@far.example");
    house.resolver.configure({.rewrite = true, .return_anything = true, .max_days = 2});
    CHECK(describe(house.ask(ours, 0, 0, "bob@third.example")) == "deliver >ann@far.example");
    CHECK(leaves_as(house, ours, "bob@third.example").ends_with("=third.example=bob@example.org"));   // sent on, too
    CHECK(house.resolver.leads_to({ours, "ann@far.example"}, "bob@third.example") == ipc::Verdict::allowed);
    house.now += 3 * 86400;
    CHECK(describe(house.ask(ours)) == "not-returnable");
    house.resolver.configure({.rewrite = false, .return_anything = false, .max_days = 21});
    CHECK(describe(house.ask(ours)) == "deliver >ann@far.example");       // what is on its way still comes back
}

TEST_CASE("An address that looks like one of SRS and is somebody's is that") {
    House house;
    test::add_account(house.db, "srs0=x@example.org");
    CHECK(describe(house.ask("SRS0=x@example.org")) == "deliver 8:SRS0=x@example.org");
}

TEST_CASE("A sender's domain that came here since is answered here") {
    House house;
    const std::string ours = leaves_as(house, "team@example.org", "ann@far.example");
    const std::string other = leaves_as(house, "team@example.org", local_part_at(ours, "far.example"));
    test::add_domain(house.db, "far.example");
    test::add_account(house.db, "ann@far.example");
    house.resolver.forget();
    CHECK(describe(house.ask(ours)) == "deliver 8:ann@far.example");
    CHECK(describe(house.ask(other)) == "loop");             // made of one that was not ours then
}
