// Work that goes in steps: what happens between two of them, and what a step that fails leaves.
#include "fixture.h"

#include "libstore/sys.h"

#include <cerrno>
#include <set>

using namespace postern;
using namespace postern::store;

namespace {

constexpr std::uint32_t count = 900;            // several steps of each kind

struct Stepped {
    Stepped() {
        Options options;
        options.root = root.path().string();
        options.host = "test";
        options.now = [] { return test_clock; };
        options.post = [this](std::function<void()> task) { tasks.post(std::move(task)); };
        store = must(open_store(std::move(options)));
        account = must(store->account(1));
    }
    TempRoot root;
    Tasks tasks;
    std::unique_ptr<Store> store;
    std::shared_ptr<Account> account;

    // As another tool does it: flags in the name, no key.
    void put_foreign(std::uint32_t n) const {
        const std::string text = body(n);
        std::ofstream(root.account(1) / "cur" / fmt::format("{}.M{}.other,S={}:2,S", test_clock + n, n, text.size())) << text;
    }
    std::optional<Result<std::shared_ptr<Mailbox>>> opening;
    void begin_open(std::string_view name) {
        account->open(account->find(name)->id, [this](Result<std::shared_ptr<Mailbox>> done) { opening = std::move(done); });
    }
    std::shared_ptr<Mailbox> finish_open() {
        tasks.run_until([this] { return opening.has_value(); });
        return must(std::move(*std::exchange(opening, std::nullopt)));
    }
};

std::set<std::string> calls;                    // what was asked of the disk
int fail_at_link = 0;                           // the n-th link; 0: none
int note_call(const char* call) {
    calls.insert(call);
    return call == std::string_view("link") && fail_at_link > 0 && --fail_at_link == 0 ? ENOSPC : 0;
}
struct Noted {
    Noted() { calls.clear(); sys::before_change = note_call; }
    ~Noted() { sys::before_change = nullptr; fail_at_link = 0; }
};

std::multiset<std::string> texts_of(Account& account) {
    std::multiset<std::string> texts;
    for (const MailboxInfo& m : account.list())
        for (auto& [uid, text] : contents(*select(account, m.name))) texts.insert(text);
    return texts;
}

} // namespace

TEST_CASE("a merge in steps lets everything else go on, and counts right") {
    Stepped s;
    deliver(*s.account, 1);
    auto inbox = select(*s.account, "INBOX");
    for (std::uint32_t n = 1000; n < 1000 + count; ++n) s.put_foreign(n);

    s.begin_open("INBOX");
    while (inbox->messages().size() == 1) s.tasks.run_one();
    REQUIRE_FALSE(s.opening);                   // some are there, not all
    const std::vector<Uid> first = uids(*inbox);
    REQUIRE(first.size() < 1 + count);

    // A delivery, flags, an expunge and a move of what was merged just now; another tool's change of flags; a second
    // SELECT, which waits for the first one's merge.
    deliver(*s.account, 2);
    must(inbox->set_flags(std::vector{first[1]}, {FlagChange::Mode::add, flag::flagged, 0, {}}));
    must(inbox->expunge(std::vector{first[2]}));
    must(inbox->move(std::vector{first[3]}, s.account->find("Archive")->id));
    bool second = false;
    s.account->open(s.account->find("INBOX")->id, [&](const Result<std::shared_ptr<Mailbox>>& done) { second = done.ok(); });

    const auto merged = s.finish_open();
    s.tasks.run_until([&] { return second; });
    CHECK(merged->messages().size() == count + 2 - 2);
    CHECK(merged->find(first[1])->has(flag::flagged | flag::seen));
    CHECK(s.account->usage().messages == count + 2 - 1);
    CHECK(texts_of(*s.account).size() == count + 2 - 1);
    const Status status = must(s.account->status(s.account->find("INBOX")->id));
    CHECK(status.messages == count);
    CHECK(status.unseen == 2);                  // the two deliveries

    // Read again from the index alone: its checksum says whether the counters were kept up.
    inbox.reset();
    s.account.reset();
    s.store.reset();
    auto store = open_test_store(s.root);
    CHECK(texts_of(*must(store->account(1))).size() == count + 1);
}

TEST_CASE("a mailbox that is removed while it is merged ends the merge") {
    Stepped s;
    must(s.account->create("other", SpecialUse::none));
    const auto directory = s.root.account(1) / ".other" / "cur";
    for (std::uint32_t n = 0; n < count; ++n)
        std::ofstream(directory / fmt::format("{}.M{}.other,S=4:2,", test_clock + n, n)) << "a\r\n\n";
    s.begin_open("other");
    s.tasks.run_one();
    s.tasks.run_one();
    must(s.account->remove("other"));
    s.tasks.run_until([&] { return s.opening.has_value(); });
    CHECK_FALSE(s.opening->ok());
    s.opening.reset();
    s.begin_open("INBOX");
    CHECK(s.finish_open()->messages().empty());
}

TEST_CASE("COPY flushes a source that no checkpoint covers, and only that") {
    TempRoot root;
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    deliver(*account, 1);
    auto inbox = select(*account, "INBOX");
    const auto archive = account->find("Archive")->id;
    checkpoint(*store);                         // the folders, made just now
    deliver(*account, 2);
    {
        const Noted noted;
        copy(*inbox, {2}, archive);
        CHECK(calls.count("syncfs") == 1);
    }
    checkpoint(*store);
    const Noted noted;
    copy(*inbox, {1}, archive);
    CHECK(calls.count("syncfs") == 0);
    CHECK(calls.count("fsync") == 1);           // the target's names, and the index
}

TEST_CASE("a COPY that fails in a later step leaves nothing") {
    Stepped s;
    for (std::uint32_t n = 1; n <= count; ++n) deliver(*s.account, n);
    auto inbox = select(*s.account, "INBOX");
    const auto archive = s.account->find("Archive")->id;
    const Noted noted;
    fail_at_link = count - 100;
    std::optional<Result<Copied>> result;
    inbox->copy(uids(*inbox), archive, [&](Result<Copied> done) { result = std::move(done); });
    CHECK_FALSE(result);
    s.tasks.run_until([&] { return result.has_value(); });
    REQUIRE_FALSE(result->ok());
    CHECK(result->error().code() == Errc::no_space);
    CHECK(must(s.account->status(archive)).messages == 0);
    CHECK(uids(*inbox).size() == count);
}

TEST_CASE("a commit that cannot fold the WAL back is still a commit") {
    TempRoot root;
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    for (std::uint32_t n = 1; n <= 3'000; ++n) deliver(*account, n);
    auto inbox = select(*account, "INBOX");
    // As if another connection were at it for ever: SQLite's checkpoint lock is this byte of the -shm file.
    const Fd shared(::open((root.account(1) / "index.db-shm").c_str(), O_RDWR | O_CLOEXEC));
    struct flock checkpoint_lock {};
    checkpoint_lock.l_type = F_WRLCK;
    checkpoint_lock.l_start = 121;
    checkpoint_lock.l_len = 1;
    REQUIRE(::fcntl(shared.get(), F_OFD_SETLK, &checkpoint_lock) == 0);
    const auto wal = root.account(1) / "index.db-wal";
    using Mode = FlagChange::Mode;
    for (int n = 0; fs::file_size(wal) < std::uintmax_t{34} * 1024 * 1024; ++n)
        must(inbox->set_flags(uids(*inbox), {n % 2 == 0 ? Mode::add : Mode::remove, flag::flagged, 0, {}}));
    CHECK(must(account->status(account->find("INBOX")->id)).messages == 3'000);
    CHECK_FALSE(fs::exists(root.account(1) / fmt::format("index.damaged-{}", test_clock)));
}

TEST_CASE("expunged UIDs are remembered up to a bound, and who asks for older ones starts afresh") {
    TempRoot root;
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    constexpr std::uint32_t many = 12'500, at_once = 250;
    for (std::uint32_t n = 1; n <= many + 1; ++n) deliver(*account, n);
    auto inbox = select(*account, "INBOX");
    const ModSeq before = inbox->highest_modseq();
    const std::vector<Uid> all = uids(*inbox);
    for (std::size_t n = 0; n < many; n += at_once) must(inbox->expunge(std::span(all).subspan(n, at_once)));
    REQUIRE(must(account->status(account->find("INBOX")->id)).messages == 1);
    REQUIRE(inbox->changes_since(before)->expunged.size() == many);
    const ModSeq late = inbox->highest_modseq() - 3;

    test_clock += 3600;                         // everything that is lazy is due
    maintain_all(*store);
    test_clock += 3600;
    maintain_all(*store);
    CHECK_FALSE(inbox->changes_since(before));
    CHECK(inbox->changes_since(late)->expunged.size() == 3 * at_once);
    std::size_t oldest_known = 0;
    for (ModSeq since = before; oldest_known == 0; ++since)
        if (const auto known = inbox->changes_since(since)) oldest_known = known->expunged.size();
    CHECK(oldest_known == 10'000);
}
