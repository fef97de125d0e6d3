#include "fixture.h"

using namespace postern;
using namespace postern::store;

TEST_CASE("a new account has its folders") {
    TempRoot root;
    auto store = open_test_store(root);
    auto account = must(store->account(7));
    std::string text;
    for (const MailboxInfo& m : account->list())
        text += fmt::format("{}:{}{} ", m.name, static_cast<int>(m.special_use), m.subscribed ? "s" : "");
    CHECK(text == "Archive:1s Drafts:2s INBOX:0s Junk:3s Sent:4s Trash:5s ");
    CHECK(fs::is_directory(root.account(7) / ".Sent" / "cur"));
    CHECK(fs::is_directory(root.account(7) / "new"));
}

TEST_CASE("one owner at a time") {
    TempRoot root;
    auto store = open_test_store(root);
    Options options;
    options.root = root.path().string();
    CHECK_FALSE(open_store(options).ok());
}

TEST_CASE("a delivery becomes one file with its key in the name") {
    TempRoot root;
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    CHECK_FALSE(deliver(*account, 1).again);
    CHECK(deliver(*account, 1).again);
    CHECK_FALSE(deliver(*account, 1, "INBOX", 2).again);
    const auto names = names_in(root.account(1) / "new");
    REQUIRE(names.size() == 2);
    CHECK(parse_file_name(names[0])->key);
    checkpoint(*store);
    CHECK(deliver(*account, 1).again);
    auto inbox = select(*account, "inbox");
    CHECK(uids(*inbox) == std::vector<Uid>{1, 2});
    CHECK(read_body(*inbox, 1) == "Delivered-To: a@example.org\r\n" + body(1));
    CHECK(inbox->find(1)->size == read_body(*inbox, 1).size());
    CHECK(inbox->find(1)->internal_date == test_clock + 1);
    CHECK(inbox->find(3) == nullptr);
}

TEST_CASE("a large delivery comes by descriptor; an unknown mailbox is INBOX") {
    TempRoot root;
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    const std::string text(1 << 20, 'x');
    write_file(root.path() / "large", text);
    const Fd file(::open((root.path() / "large").c_str(), O_RDONLY));
    Delivery d;
    d.key = key(1);
    d.mailbox = "No such";
    d.header = "H: 1\r\n";
    d.body_file = file.get();
    CHECK_FALSE(must(account->deliver(d)).again);
    CHECK(must(account->deliver(d)).again);
    CHECK(read_body(*select(*account, "INBOX"), 1) == "H: 1\r\n" + text);
}

TEST_CASE("an append is there at once, with its flags and keywords") {
    TempRoot root;
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    const Uid uid = append(*account, "Drafts", body(5), flag::draft | flag::seen, {"$MDNSent", "work"});
    auto drafts = select(*account, "Drafts");
    REQUIRE(drafts->find(uid));
    CHECK(drafts->find(uid)->flags == (flag::draft | flag::seen));
    CHECK(drafts->find(uid)->keywords == 3);
    CHECK(drafts->keywords() == std::vector<std::string>{"$MDNSent", "work"});
    CHECK(drafts->find_keyword("WORK") == 1U);
    CHECK(read_body(*drafts, uid) == body(5));
    {
        auto abandoned = must(account->append(account->find("Drafts")->id, 10));
        must(abandoned->write("half"));
    }
    const auto names = names_in(root.account(1) / ".Drafts" / "cur");
    REQUIRE(names.size() == 1);
    CHECK(names[0].ends_with(":2,DS"));
}

TEST_CASE("mailboxes are made, renamed with their children, and deleted") {
    TempRoot root;
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    must(account->create("Work/2024", SpecialUse::none));
    must(account->create("Work", SpecialUse::none));
    CHECK(account->create("Work", SpecialUse::none).error().code() == Errc::exists);
    CHECK(account->create("a//b", SpecialUse::none).error().code() == Errc::invalid);
    deliver(*account, 1, "Work/2024");
    must(account->rename("Work", "Job"));
    CHECK_FALSE(account->find("Work/2024"));
    CHECK(uids(*select(*account, "Job/2024")).size() == 1);
    CHECK_FALSE(account->rename("Job", "Job/below").ok());
    CHECK(account->rename("Job", "Sent").error().code() == Errc::exists);
    CHECK(account->remove("INBOX").error().code() == Errc::denied);
    const auto first = must(account->status(account->find("Job/2024")->id)).uid_validity;
    Watcher watcher;
    auto open = select(*account, "Job/2024");
    open->observe(watcher);
    must(account->remove("Job/2024"));
    CHECK(watcher.gone);
    CHECK(account->find("Job"));
    CHECK_FALSE(open->open_body(1).ok());
    must(account->create("Job/2024", SpecialUse::none));
    CHECK(must(account->status(account->find("Job/2024")->id)).uid_validity > first);
    CHECK(deliver(*account, 1).again);                  // the user expunged it with its mailbox
    maintain_all(*store);
    CHECK_FALSE(fs::exists(root.account(1) / ".Work.2024"));
    CHECK(names_in(root.account(1) / "retention").size() == 1);
}

TEST_CASE("renaming INBOX moves its messages away") {
    TempRoot root;
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    for (std::uint32_t n = 1; n <= 3; ++n) deliver(*account, n);
    must(account->rename("INBOX", "Old"));
    CHECK(uids(*select(*account, "INBOX")).empty());
    CHECK(contents(*select(*account, "Old")).size() == 3);
    CHECK(deliver(*account, 2).again);
}

TEST_CASE("subscriptions are names") {
    TempRoot root;
    {
        auto store = open_test_store(root);
        auto account = must(store->account(1));
        must(account->subscribe("Not there", true));
        must(account->subscribe("Junk", false));
    }
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    const auto names = account->subscriptions();
    CHECK(names == std::vector<std::string>{"Archive", "Drafts", "INBOX", "Not there", "Sent", "Trash"});
}

TEST_CASE("status and usage count what is there, quota or not") {
    TempRoot root;
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    for (std::uint32_t n = 1; n <= 4; ++n) deliver(*account, n);
    auto inbox = select(*account, "INBOX");
    const std::vector<Uid> one{1}, two{2};
    must(inbox->set_flags(one, {FlagChange::Mode::add, flag::seen, 0, {}}));
    must(inbox->expunge(two));
    const Status status = must(account->status(inbox->id()));
    CHECK(status.messages == 3);
    CHECK(status.unseen == 2);
    CHECK(status.uid_next == 5);
    CHECK(status.recent == 3);
    CHECK(inbox->claim_recent() == 1);
    CHECK(must(account->status(inbox->id())).recent == 0);
    CHECK(account->usage().messages == 3);
    CHECK(account->usage().bytes == status.size);
    must(account->set_limits(account->usage().bytes + 10, 0));
    Delivery d;
    d.key = key(99);
    d.body = "more than ten bytes";
    CHECK(account->append(inbox->id(), 100).error().code() == Errc::over_quota);
    CHECK(account->deliver(d).ok());                       // the one that crosses it, RCPT having said 250
    must(account->set_limits(account->usage().bytes * 9 / 10, 0));
    CHECK(account->deliver({key(100), {}, 0, {}, "x", -1}).error().code() == Errc::over_quota);
    must(account->set_limits(0, 3));
    CHECK(account->deliver({key(100), {}, 0, {}, "x", -1}).error().code() == Errc::over_quota);
}

TEST_CASE("whoever asked for it is told of each change of what an account holds") {
    TempRoot root;
    std::map<AccountId, int> told;
    Options options;
    options.root = root.path();
    options.changed = [&](AccountId id) { ++told[id]; };
    const auto store = must(open_store(options));
    const auto account = must(store->account(1));
    const auto inbox = select(*account, "INBOX");
    const auto after = [&] { return std::exchange(told, {}) == std::map<AccountId, int>{{1, 1}}; };
    told.clear();
    deliver(*account, 1);
    CHECK(after());
    must(inbox->expunge(std::vector<Uid>{1}));
    CHECK(after());
    const auto folder = must(account->create("Folder"));
    told.clear();
    must(account->remove(folder.name));
    CHECK(after());
}

TEST_CASE("accounts close and open again without losing what was not committed") {
    TempRoot root;
    auto store = open_test_store(root, 2);
    for (AccountId id = 1; id <= 6; ++id) deliver(*must(store->account(id)), static_cast<std::uint32_t>(id));
    for (AccountId id = 1; id <= 6; ++id) {
        auto account = must(store->account(id));
        CHECK(deliver(*account, static_cast<std::uint32_t>(id)).again);
        CHECK(uids(*select(*account, "INBOX")) == std::vector<Uid>{1});
    }
}
