#include "authd/admin.h"
#include "authd/app_password.h"
#include "authd/audit.h"
#include "authd/groups.h"
#include "tests/unit/authd/fixture.h"

using namespace postern;
using namespace postern::authd;
using namespace std::chrono_literals;
using ipc::AdminStatus;

namespace {

const ipc::Actor root{.trace = {}, .who = "uid 0", .client = "local"};

struct Office {
    test::Mailbag bag;
    Database db = test::empty_database();
    Uses uses;
    Resolver resolver{db, uses, {}, [] { return 1234; }};
    HashPool pool{bag.post(), 2, 4};
    Verifier verifier{pool, test::cheap, 90s};
    Handles handles{30s, 100};
    Admin admin{db, resolver, verifier, handles, [] { return 1234; }};

    Office() {
        ipc::CreateDomain domain;
        domain.actor = root;
        domain.name = "example.org";
        REQUIRE(admin.change(domain).status == AdminStatus::ok);
    }
    template <class M> ipc::AdminResult wait_for(M request) {
        std::optional<ipc::AdminResult> result;
        request.actor = root;
        admin.change(std::move(request), [&](const ipc::AdminResult& r) { result = r; });
        bag.run_until([&] { return result.has_value(); });
        return *result;
    }
    ipc::AdminResult create(const std::string& address, const std::string& password, const std::string& hash = "") {
        ipc::CreateAccount request;
        request.account.address = address;
        request.account.password = password;
        request.account.hash = hash;
        return wait_for(std::move(request));
    }
    ipc::RecipientStatus recipient(std::string_view address) { ipc::ResolveRecipient question;
        question.forward_path = address;
        return resolver.recipient(question).status; }
    std::string audit() {
        std::string out;
        const auto listing = list_audit(db, {});
        for (const auto& row : listing->rows) out += row.action.value + " " + row.subject.value + "\n";
        return out;
    }
};

} // namespace

TEST_CASE("A change is in force when it is answered, and in the audit log") {
    Office office;
    CHECK(office.recipient("ann@example.org") == ipc::RecipientStatus::unknown_user);
    const auto made = office.create("ann@example.org", "pw");
    REQUIRE(made.status == AdminStatus::ok);
    CHECK(office.recipient("ann@example.org") == ipc::RecipientStatus::deliver);
    CHECK(verify_password("pw", *parse_phc(login_account(office.db, made.id)->hash)));

    ipc::ChangeAccount change;
    change.actor = root;
    change.address = "ann@example.org";
    change.settings.status = ipc::AccountStatus::disabled;
    CHECK(office.admin.change(change).status == AdminStatus::ok);
    CHECK(office.recipient("ann@example.org") == ipc::RecipientStatus::disabled);
    CHECK(office.audit() == "domain.create example.org\naccount.create ann@example.org\naccount.change ann@example.org\n");
    const auto rows = list_audit(office.db, {})->rows.items;
    CHECK(rows[2].detail.view() == "status=2");
    CHECK(rows[2].actor.view() == "uid 0");
    CHECK(rows[2].time == 1234);
}

TEST_CASE("A refused change leaves no trace in the data or the audit log") {
    Office office;
    REQUIRE(office.create("ann@example.org", "pw").status == AdminStatus::ok);
    const std::string before = office.audit();
    CHECK(office.create("ann@example.org", "pw").status == AdminStatus::exists);
    CHECK(office.create("bob@elsewhere.example", "pw").status == AdminStatus::not_found);
    CHECK(office.create("bob@example.org", "pw", "$argon2id$").status == AdminStatus::invalid);
    CHECK(office.create("bob@example.org", "", "$argon2id$").status == AdminStatus::invalid);
    CHECK(office.create("bob@example.org", std::string("p\0w", 3)).status == AdminStatus::invalid);
    ipc::SaveAlias alias;
    alias.actor = root;
    alias.alias.address = "team@example.org";
    alias.alias.targets.push_back("not an address");
    CHECK(office.admin.change(alias).status == AdminStatus::invalid);
    CHECK(office.recipient("team@example.org") == ipc::RecipientStatus::unknown_user);
    CHECK(office.audit() == before);
    ipc::CreateDomain domain;
    domain.name = "example.org";
    CHECK(office.admin.change(domain).reason.view() == "example.org exists already");
}

TEST_CASE("A new password ends what the old one began") {
    Office office;
    const AccountId id = office.create("ann@example.org", "pw").id;
    const ipc::Peer smtpd{ipc::ServiceId::smtpd, 0, 1};
    const auto handle = office.handles.issue(smtpd, id, ipc::Protocol::submission, {});
    ipc::SetPassword request;
    request.address = "ann@example.org";
    request.password = "new";
    CHECK(office.wait_for(request).status == AdminStatus::ok);
    CHECK(office.handles.session(smtpd, *handle) == std::nullopt);
    CHECK(verify_password("new", *parse_phc(login_account(office.db, id)->hash)));
    request.password = "";
    CHECK(office.wait_for(request).status == AdminStatus::invalid);
    request.hash = *hash_password("hashed", test::cheap);
    CHECK(office.wait_for(request).status == AdminStatus::ok);
    CHECK(login_account(office.db, id)->hash == request.hash.view());
}

TEST_CASE("An import hashes side by side and is all or nothing") {
    Office office;
    ipc::ImportAccounts import;
    for (int i = 0; i < 20; ++i) {                         // more than the queue holds: never more than workers wait
        ipc::NewAccount account;
        account.address = "u" + std::to_string(i) + "@example.org";
        account.password = "pw" + std::to_string(i);
        import.accounts.push_back(account);
    }
    import.accounts.items[3].password = "";
    import.accounts.items[3].hash = *hash_password("pre", test::cheap);
    const auto done = office.wait_for(import);
    REQUIRE(done.status == AdminStatus::ok);
    CHECK(done.id == 20);
    const auto rows = list_accounts(office.db, {.domain = "", .after = 0, .limit = 100})->rows.items;
    REQUIRE(rows.size() == 20);
    CHECK(verify_password("pw7", *parse_phc(login_account(office.db, rows[7].id)->hash)));
    CHECK(verify_password("pre", *parse_phc(login_account(office.db, rows[3].id)->hash)));

    ipc::NewAccount fresh;
    fresh.address = "fresh@example.org";
    import.accounts.push_back(fresh);
    CHECK(office.wait_for(import).status == AdminStatus::exists);
    CHECK(office.recipient("fresh@example.org") == ipc::RecipientStatus::unknown_user);
    import.skip_existing = true;
    CHECK(office.wait_for(import).id == 1);
    CHECK(office.recipient("fresh@example.org") == ipc::RecipientStatus::deliver);
}

TEST_CASE("An app password is made here, shown once, audited, and ends what its account had open when it goes") {
    Office office;
    const auto ann = office.create("ann@example.org", "pw").id;
    const auto add = [&](const std::string& name) {
        ipc::AddAppPassword request;
        request.actor = root;
        request.account = "ann@example.org";
        request.name = name;
        request.scopes.push_back(ipc::AppScope::imap);
        std::optional<ipc::AppPasswordAdded> added;
        office.admin.change(std::move(request), [&](const ipc::AppPasswordAdded& a) { added = a; });
        office.bag.run_until([&] { return added.has_value(); });
        return *added;
    };
    const auto made = add("phone");
    REQUIRE(made.result.status == AdminStatus::ok);
    const auto typed = as_app_password(made.password);
    REQUIRE(typed);
    const auto row = app_password_of(office.db, ann, selector_of(*typed));
    REQUIRE(row);
    CHECK(verify_password(*typed, *parse_phc(row->hash)));

    const auto again = add("phone");
    CHECK(again.result.status == AdminStatus::exists);
    CHECK(again.password.empty());

    REQUIRE(office.handles.issue({ipc::ServiceId::smtpd, 0, 1}, ann, ipc::Protocol::submission, {}));
    ipc::RemoveAppPassword remove;
    remove.actor = root;
    remove.account = "ann@example.org";
    remove.name = "phone";
    CHECK(office.admin.change(remove).status == AdminStatus::ok);
    CHECK(office.handles.size() == 0);
    CHECK(office.admin.change(remove).status == AdminStatus::not_found);
    CHECK(office.audit().ends_with("app-password.add ann@example.org\napp-password.remove ann@example.org\n"));
}

TEST_CASE("What an account may send as is granted and revoked on the record") {
    Office office;
    REQUIRE(office.create("ann@example.org", "pw").status == AdminStatus::ok);
    ipc::GrantSendAs grant;
    grant.actor = root;
    grant.account = "ann@example.org";
    grant.address = "@elsewhere.example";
    ipc::RevokeSendAs revoke;
    revoke.actor = root;
    revoke.account = grant.account;
    revoke.address = grant.address;
    CHECK(office.admin.change(revoke).status == AdminStatus::not_found);
    CHECK(office.admin.change(grant).status == AdminStatus::ok);
    CHECK(office.admin.change(grant).status == AdminStatus::exists);
    CHECK(office.admin.change(revoke).status == AdminStatus::ok);
    CHECK(office.audit().ends_with("send-as.grant ann@example.org\nsend-as.revoke ann@example.org\n"));
}

TEST_CASE("Passwords that SASLprep refuses, or that look like app passwords, cannot be set") {
    Office office;
    REQUIRE(office.create("ann@example.org", "pw").status == AdminStatus::ok);
    for (const char* password : {"bell\a", "\xEE\x80\x80", "\xD8\xA7\x31", "\xE1\xBA\x9E", "\xFF", "k3f9w-7hq2m-x4tzd-9c5vb-n8r6p"}) {
        ipc::SetPassword request;
        request.address = "ann@example.org";
        request.password = password;
        const auto result = office.wait_for(std::move(request));
        CHECK(result.status == AdminStatus::invalid);
        CHECK(result.reason.view().find(password) == std::string_view::npos);
    }
    CHECK(verify_password("pw", *parse_phc(login_account(office.db, 1)->hash)));
}

TEST_CASE("Groups: made, changed, listed, removed, and nobody's alias") {
    Office office;
    REQUIRE(office.create("ann@example.org", "").status == AdminStatus::ok);
    ipc::SaveGroup group;
    group.actor = root;
    group.address = "crew@example.org";
    group.settings.posting = ipc::Posting::listed;
    group.settings.posters = List<ipc::Address, ipc::max_posters>({ipc::Address("Ann@example.org")});
    CHECK(office.admin.change(group).status == AdminStatus::ok);
    CHECK(office.admin.change(group).status == AdminStatus::exists);
    ipc::ChangeMembers members;
    members.actor = root;
    members.group = "crew@example.org";
    members.add = {{"Ann@example.org", "ann+x@example.org", "ann@example.org"}};
    CHECK(office.admin.change(members).status == AdminStatus::ok);
    members.add = {{"nobody@example.org"}};
    CHECK(office.admin.change(members).status == AdminStatus::not_found);
    members.add = {{"x@elsewhere.example"}};
    CHECK(office.admin.change(members).status == AdminStatus::not_found);
    members.add = {{"crew@example.org"}};
    CHECK(office.admin.change(members).status == AdminStatus::conflict);   // itself
    const auto listing = list_groups(office.db, {.only = "CREW@example.org", .domain = {}, .after = {}, .limit = 1});
    REQUIRE(listing->rows.size() == 1);
    CHECK(listing->rows.items[0].posters.items == std::vector<ipc::Address>{"ann@example.org"});
    CHECK(listing->members.items == std::vector<ipc::Address>{"ann@example.org", "ann+x@example.org"});
    CHECK(list_aliases(office.db, {})->rows.empty());
    members.add = {};
    members.remove = {{"ann@example.org"}};
    CHECK(office.admin.change(members).status == AdminStatus::ok);
    CHECK(office.admin.change(members).status == AdminStatus::not_found);
    ipc::DeleteAlias alias;
    alias.actor = root;
    alias.address = "crew@example.org";
    CHECK(office.admin.change(alias).status == AdminStatus::not_found);
    ipc::DeleteGroup gone;
    gone.actor = root;
    gone.address = "crew@example.org";
    CHECK(office.admin.change(gone).status == AdminStatus::ok);
    CHECK(list_groups(office.db, {})->rows.empty());
    CHECK(office.audit().find("group.members crew@example.org\ngroup.members crew@example.org\ngroup.delete crew@example.org\n") !=
          std::string::npos);
}
