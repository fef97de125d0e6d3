#include "fixture.h"

using namespace postern;
using namespace postern::store;

namespace {

std::vector<Uid> range(Uid first, Uid last) {
    std::vector<Uid> all;
    for (Uid uid = first; uid <= last; ++uid) all.push_back(uid);
    return all;
}

struct Inbox {
    TempRoot root;
    std::unique_ptr<Store> store = open_test_store(root);
    std::shared_ptr<Account> account = must(store->account(1));
    std::shared_ptr<Mailbox> mailbox;
    explicit Inbox(std::uint32_t messages) {
        for (std::uint32_t n = 1; n <= messages; ++n) deliver(*account, n);
        mailbox = select(*account, "INBOX");
    }
};

} // namespace

TEST_CASE("flags are added, removed and replaced in one step each") {
    Inbox in(10);
    Watcher watcher;
    in.mailbox->observe(watcher);
    const ModSeq before = in.mailbox->highest_modseq();
    const unsigned work = must(in.mailbox->keyword("work"));
    const auto all = range(1, 10);
    auto set = must(in.mailbox->set_flags(all, {FlagChange::Mode::add, flag::seen, Keywords{1} << work, {}}));
    CHECK(set.changed == all);
    CHECK(set.modseq == before + 1);
    CHECK(watcher.changes == 1);
    const std::vector<Uid> some{2, 3, 5, 99};
    set = must(in.mailbox->set_flags(some, {FlagChange::Mode::replace, flag::flagged, 0, {}}));
    CHECK(set.changed == std::vector<Uid>{2, 3, 5});
    CHECK(must(in.mailbox->set_flags(some, {FlagChange::Mode::add, flag::flagged, 0, {}})).changed.empty());
    set = must(in.mailbox->set_flags(all, {FlagChange::Mode::remove, flag::flagged, 0, before + 1}));
    CHECK(set.refused == std::vector<Uid>{2, 3, 5});       // changed after that MODSEQ
    CHECK(in.mailbox->find(2)->flags == flag::flagged);
    CHECK(in.mailbox->find(1)->keywords == 1);
    in.mailbox->forget(watcher);

    auto changes = in.mailbox->changes_since(before + 1);
    REQUIRE(changes);
    CHECK(changes->changed == std::vector<Uid>{2, 3, 5});
    CHECK(changes->now == in.mailbox->highest_modseq());
    CHECK(in.mailbox->changes_since(changes->now)->changed.empty());

    maintain_all(*in.store);
    std::size_t seen = 0, flagged = 0;
    for (const auto& name : names_in(in.root.account(1) / "cur")) {
        seen += name.ends_with(":2,S");
        flagged += name.ends_with(":2,F");
    }
    CHECK(seen == 7);
    CHECK(flagged == 3);
    CHECK(contents(*in.mailbox).size() == 10);
}

TEST_CASE("expunge takes away, remembers, and keeps for restoring") {
    Inbox in(5);
    const ModSeq before = in.mailbox->highest_modseq();
    const std::vector<Uid> gone{2, 4, 7};
    CHECK(must(in.mailbox->expunge(gone)) == std::vector<Uid>{2, 4});
    CHECK(uids(*in.mailbox) == std::vector<Uid>{1, 3, 5});
    CHECK(in.mailbox->changes_since(before)->expunged == std::vector<Uid>{2, 4});
    CHECK(deliver(*in.account, 2).again);
    CHECK(uids(*in.mailbox).size() == 3);
    CHECK(read_body(*in.mailbox, 2).ends_with(body(2)));    // a session that was not told yet
    maintain_all(*in.store);
    CHECK(names_in(in.root.account(1) / "retention").size() == 2);
    CHECK(read_body(*in.mailbox, 4).ends_with(body(4)));
    test_clock += 15 * 86400;
    maintain_all(*in.store);
    CHECK(names_in(in.root.account(1) / "retention").empty());
    CHECK_FALSE(in.mailbox->open_body(2).ok());
}

TEST_CASE("a move gives new UIDs and keeps the delivery key") {
    Inbox in(4);
    const unsigned work = must(in.mailbox->keyword("work"));
    const std::vector<Uid> two{2, 3};
    must(in.mailbox->set_flags(two, {FlagChange::Mode::add, flag::answered, Keywords{1} << work, {}}));
    auto archive = select(*in.account, "Archive");
    must(archive->keyword("other"));
    Watcher watcher;
    archive->observe(watcher);
    const Copied moved = must(in.mailbox->move(two, archive->id()));
    CHECK(moved.source == two);
    CHECK(moved.target == std::vector<Uid>{1, 2});
    CHECK(moved.uid_validity == archive->uid_validity());
    CHECK(watcher.changes == 1);
    CHECK(uids(*in.mailbox) == std::vector<Uid>{1, 4});
    CHECK(archive->find(1)->flags == flag::answered);
    CHECK(archive->keywords()[1] == "work");
    CHECK(archive->find(1)->keywords == 2);
    CHECK(read_body(*archive, 1).ends_with(body(2)));
    CHECK(deliver(*in.account, 2).again);
    CHECK(must(in.account->status(in.mailbox->id())).messages == 2);
    CHECK(must(in.account->status(archive->id())).messages == 2);
    const Copied same = must(archive->move(std::vector<Uid>{1}, archive->id()));
    CHECK(same.target == std::vector<Uid>{3});
    CHECK(contents(*archive).size() == 2);
    archive->forget(watcher);
}

TEST_CASE("a copy is a message of its own") {
    Inbox in(3);
    const auto sent = in.account->find("Sent")->id;
    const Copied copied = copy(*in.mailbox, {1, 3, 9}, sent);
    CHECK(copied.source == std::vector<Uid>{1, 3});
    CHECK(copied.target == std::vector<Uid>{1, 2});
    must(in.mailbox->expunge(range(1, 3)));
    maintain_all(*in.store);
    auto target = select(*in.account, "Sent");
    CHECK(read_body(*target, 2).ends_with(body(3)));
    CHECK(in.account->usage().messages == 2);
}

TEST_CASE("cached texts come back, from memory and from the index") {
    Inbox in(200);
    for (Uid uid = 1; uid <= 150; ++uid) in.mailbox->cache(uid, {fmt::format("e{}", uid), "b", "s", std::string("h\0x", 3)});
    in.mailbox->cache(999, {"no", "such", "message", ""});
    std::vector<Uid> seen;
    must(in.mailbox->cached(range(1, 200), [&](Uid uid, Cached& texts) {
        CHECK(texts.envelope == fmt::format("e{}", uid));
        CHECK(texts.header == std::string("h\0x", 3));
        seen.push_back(uid);
        return true;
    }));
    CHECK(seen == range(1, 150));
    seen.clear();
    must(in.mailbox->cached(std::vector<Uid>{3, 140, 160}, [&](Uid uid, Cached&) { seen.push_back(uid); return seen.size() < 1; }));
    CHECK(seen == std::vector<Uid>{3});
    must(in.mailbox->expunge(std::vector<Uid>{3}));
    seen.clear();
    must(in.mailbox->cached(std::vector<Uid>{3, 4}, [&](Uid uid, Cached&) { seen.push_back(uid); return true; }));
    CHECK(seen == std::vector<Uid>{4});
}

TEST_CASE("64 keywords, then no more") {
    Inbox in(1);
    for (int n = 0; n < 64; ++n) CHECK(must(in.mailbox->keyword(fmt::format("k{}", n))) == static_cast<unsigned>(n));
    CHECK(must(in.mailbox->keyword("K5")) == 5);
    CHECK(in.mailbox->keyword("one more").error().code() == Errc::no_space);
}

TEST_CASE("what other Maildir tools do is noticed and merged") {
    Inbox in(3);
    must(in.mailbox->set_flags(range(1, 3), {FlagChange::Mode::add, flag::seen, 0, {}}));
    maintain_all(*in.store);
    in.store->replay_done();
    const auto cur = in.root.account(1) / "cur";
    std::map<Uid, fs::path> paths;
    for (const auto& entry : fs::directory_iterator(cur))
        paths[parse_file_name(entry.path().filename().string())->key->id.offset] = entry.path();
    REQUIRE(paths.size() == 3);
    // 1: flagged there while we unflag "seen" here; 2: removed; 3: moved to Trash; and a new one with bare newlines.
    must(in.mailbox->set_flags(range(1, 1), {FlagChange::Mode::remove, flag::seen, 0, {}}));
    fs::rename(paths[1], cur / (std::string(parse_file_name(paths[1].filename().string())->base) + ":2,SFP"));
    fs::remove(paths[2]);
    fs::rename(paths[3], in.root.account(1) / ".Trash" / "cur" / paths[3].filename());
    write_file(in.root.account(1) / "new" / "1600000000.foreign.host", "Subject: x\n\nline\r\nend\n");
    CHECK(read_body(*in.mailbox, 1).ends_with(body(1)));       // found though its name changed
    auto trash = select(*in.account, "Trash");                 // what left INBOX arrives here
    auto inbox = select(*in.account, "INBOX");
    CHECK(uids(*inbox) == std::vector<Uid>{1, 4});
    CHECK(inbox->find(1)->flags == flag::flagged);
    CHECK(read_body(*inbox, 4) == "Subject: x\r\n\r\nline\r\nend\r\n");
    CHECK(inbox->find(4)->internal_date == 1600000000);
    trash = select(*in.account, "Trash");
    REQUIRE(uids(*trash).size() == 1);
    CHECK(read_body(*trash, uids(*trash)[0]).ends_with(body(3)));
    CHECK(in.account->usage().messages == 3);
}

TEST_CASE("planted links, FIFOs and directories are no messages") {
    TempRoot root;
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    const auto inbox = root.account(1);
    write_file(root.path() / "secret", "not yours");
    fs::create_symlink(root.path() / "secret", inbox / "new" / "1.link.host");
    REQUIRE(::mkfifo((inbox / "new" / "2.fifo.host").c_str(), 0600) == 0);
    fs::create_directory(inbox / "cur" / "3.dir.host:2,S");
    deliver(*account, 1);
    auto mailbox = select(*account, "INBOX");
    CHECK(uids(*mailbox) == std::vector<Uid>{1});
    CHECK(fs::is_symlink(inbox / "new" / "1.link.host"));
    // A message's own file replaced by a link is not followed either.
    for (const auto& entry : fs::directory_iterator(inbox / "new"))
        if (entry.is_regular_file()) {
            fs::remove(entry.path());
            fs::create_symlink(root.path() / "secret", entry.path());
        }
    CHECK_FALSE(mailbox->open_body(1).ok());
}
