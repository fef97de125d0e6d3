// System calls that fail: what was refused did not happen, what was accepted did.
#include "fixture.h"

#include "libstore/sys.h"

#include <algorithm>
#include <cerrno>
#include <set>

using namespace postern;
using namespace postern::store;

namespace {

std::string failing_call;               // empty: any
int fail_at = 0, fail_with = 0;         // the n-th matching call; 0: none

int fail_nth(const char* call) {
    if (fail_at == 0 || (!failing_call.empty() && failing_call != call)) return 0;
    return --fail_at == 0 ? fail_with : 0;
}

struct Faults {
    Faults(std::string call, int at, int with) {
        failing_call = std::move(call);
        fail_at = at;
        fail_with = with;
        sys::before_change = fail_nth;
    }
    ~Faults() { sys::before_change = nullptr; }
    bool fired() const { return fail_at == 0; }
};

} // namespace

TEST_CASE("with a loop, answers come from the worker and never inside the call") {
    TempRoot root;
    Tasks tasks;
    Options options;
    options.root = root.path().string();
    options.post = [&](std::function<void()> task) { tasks.post(std::move(task)); };
    auto store = must(open_store(std::move(options)));
    auto account = must(store->account(1));
    for (std::uint32_t n = 1; n <= 20; ++n) deliver(*must(store->account(n)), n);
    int answers = 0;
    store->checkpoint([&](Result<void> done) { CHECK(done.ok()); ++answers; });
    auto appending = must(account->append(account->find("Sent")->id, 3));
    must(appending->write("abc"));
    appending->commit(0, {}, 1, [&](Result<Appended> done) { CHECK(must(std::move(done)).uid == 1); ++answers; });
    auto inbox = select(*account, "INBOX");
    inbox->copy(std::vector<Uid>{1}, account->find("Junk")->id, [&](Result<Copied> done) { CHECK(done.ok()); ++answers; });
    inbox->copy(std::vector<Uid>{1}, 4711, [&](Result<Copied> done) { CHECK_FALSE(done.ok()); ++answers; });
    CHECK(answers == 0);
    tasks.run_until([&] { return answers == 4; });
    CHECK(must(account->status(account->find("Junk")->id)).messages == 1);
    // A WAL that has grown is folded back by the worker while the store goes on.
    for (std::uint32_t n = 100; n < 1500; ++n) {
        deliver(*account, n);
        if (n % 100 != 99) continue;
        store->checkpoint([&](Result<void> done) { CHECK(done.ok()); ++answers; });
        store->maintain();
    }
    tasks.run_until([&] { return answers == 18; });
    CHECK(uids(*select(*account, "INBOX")).size() == 1401);
}

TEST_CASE("a flush that fails vouches for nothing, and the replay writes new files") {
    TempRoot root;
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    deliver(*account, 1);
    const auto directory = root.account(1) / "new";
    struct stat before {}, after {};
    REQUIRE(::stat((directory / names_in(directory)[0]).c_str(), &before) == 0);
    {
        const Faults faults("syncfs", 1, EIO);
        bool failed = false;
        store->checkpoint([&](Result<void> done) { failed = !done.ok(); });
        CHECK(failed);
        CHECK(store->dirty());
    }
    CHECK(deliver(*account, 1).again);
    REQUIRE(::stat((directory / names_in(directory)[0]).c_str(), &after) == 0);
    CHECK(before.st_ino != after.st_ino);
    CHECK(names_in(directory).size() == 1);
    checkpoint(*store);
    CHECK(uids(*select(*account, "INBOX")) == std::vector<Uid>{1});
}

TEST_CASE("an append that cannot be flushed did not happen") {
    TempRoot root;
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    checkpoint(*store);
    for (const std::string call : {"fsync", "write", "create", "rename"}) {
        INFO(call);
        const Faults faults(call, 1, EIO);
        auto appending = account->append(account->find("Sent")->id, 3);
        bool refused = !appending.ok() || !(*appending)->write("abc").ok();
        if (!refused) (*appending)->commit(0, {}, 1, [&](Result<Appended> done) { refused = !done.ok(); });
        CHECK(refused);
    }
    CHECK(uids(*select(*account, "Sent")).empty());
    maintain_all(*store);
    CHECK(names_in(root.account(1) / ".Sent" / "cur").empty());
    append(*account, "Sent", "abc");
}

// A power cut between the two would leave a message without its bytes (tests/power found it on ext4).
TEST_CASE("an append has no name and no row before its bytes are flushed") {
    TempRoot root;
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    checkpoint(*store);
    auto appending = must(account->append(account->find("Sent")->id, 3));
    must(appending->write("abc"));
    static std::vector<std::string> calls;
    calls.clear();
    sys::before_change = [](const char* call) {
        calls.emplace_back(call);
        return 0;
    };
    bool appended = false;
    appending->commit(0, {}, 1, [&](Result<Appended> done) { appended = done.ok(); });
    sys::before_change = nullptr;
    CHECK(appended);
    REQUIRE(calls.size() > 2);
    CHECK(calls.front() == "fsync");
    CHECK(calls.back() == "fsync");
    CHECK(std::count(calls.begin(), calls.end(), "rename") == 2);
}

TEST_CASE("a full disk refuses a delivery and leaves nothing behind") {
    TempRoot root;
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    for (const std::string call : {"create", "write", "rename"}) {
        INFO(call);
        const Faults faults(call, 1, ENOSPC);
        Delivery d;
        d.key = key(1);
        d.body = "text";
        CHECK(account->deliver(d).error().code() == Errc::no_space);
    }
    CHECK(names_in(root.account(1) / "new").empty());
    CHECK_FALSE(deliver(*account, 1).again);
    CHECK(account->usage().messages == 1);
}

// TESTCARD A5, at the level of the store: whatever fails, wherever, the store goes on and says the truth.
TEST_CASE("any one call may fail") {
    for (int n = 1;; ++n) {
        INFO("call " << n);
        TempRoot root;
        std::set<std::string> accepted;
        bool fired = false;
        {
            auto store = open_test_store(root);
            auto account = must(store->account(1));
            deliver(*account, 1);
            deliver(*account, 2);
            auto inbox = select(*account, "INBOX");
            {
                const Faults faults("", n, EIO);
                Delivery d;
                d.key = key(3);
                const std::string text = body(3);
                d.body = text;
                if (account->deliver(d)) accepted.insert(body(3));
                (void)inbox->set_flags(std::vector<Uid>{1, 2}, {FlagChange::Mode::add, flag::seen, 0, {}});
                (void)inbox->move(std::vector<Uid>{1}, account->find("Archive")->id);
                (void)inbox->expunge(std::vector<Uid>{2});
                if (auto appending = account->append(account->find("Sent")->id, 10); appending)
                    if ((*appending)->write(body(4)))
                        (*appending)->commit(0, {}, 1, [&](Result<Appended> done) { if (done) accepted.insert(body(4)); });
                inbox->copy(uids(*inbox), account->find("Junk")->id, [](Result<Copied>) {});
                store->checkpoint([](Result<void>) {});
                maintain_all(*store);
                fired = faults.fired();
            }
            maintain_all(*store);
        }
        auto store = open_test_store(root);
        auto account = must(store->account(1));
        std::multiset<std::string> found;
        for (const MailboxInfo& m : account->list())
            if (m.name != "Junk")
                for (const auto& [uid, text] : contents(*select(*account, m.name))) found.insert(text);
        for (const std::string& text : accepted) CHECK(found.count(text) == 1);
        CHECK(found.count("Delivered-To: a@example.org\r\n" + body(1)) == 1);
        if (!fired) break;
    }
}
