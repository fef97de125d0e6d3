#include "fixture.h"

#include "libstore/side_file.h"

#include <cstdlib>
#include <random>
#include <set>

using namespace postern;
using namespace postern::store;

namespace {

using Everything = std::map<std::string, std::map<Uid, std::string>>;

Everything everything(Account& account) {
    Everything all;
    for (const MailboxInfo& m : account.list()) all[m.name] = contents(*select(account, m.name));
    return all;
}

std::multiset<std::string> bodies(const Everything& all) {
    std::multiset<std::string> texts;
    for (const auto& [name, messages] : all)
        for (const auto& [uid, text] : messages) texts.insert(text);
    return texts;
}

// A few mailboxes with a past: deliveries, appends, copies, moves, expunges, flags, keywords.
void live(Account& account) {
    for (std::uint32_t n = 1; n <= 30; ++n) deliver(account, n);
    must(account.create("Lists/c++", SpecialUse::none));
    auto inbox = select(account, "INBOX");
    const auto lists = account.find("Lists/c++")->id;
    must(inbox->move(std::vector<Uid>{3, 4, 5}, lists));
    copy(*inbox, {1, 2}, account.find("Archive")->id);
    must(inbox->expunge(std::vector<Uid>{10, 11}));
    const unsigned word = must(inbox->keyword("$Work"));
    must(inbox->set_flags(std::vector<Uid>{1, 2, 6}, {FlagChange::Mode::add, flag::seen, Keywords{1} << word, {}}));
    append(account, "Sent", body(77), flag::seen);
}

void damage(const fs::path& account, std::mt19937& random) {
    const auto index = account / "index.db", wal = account / "index.db-wal";
    const auto flip = [&](const fs::path& path) {
        if (!fs::exists(path) || fs::file_size(path) == 0) return;
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        const auto at = static_cast<std::streamoff>(random() % fs::file_size(path));
        file.seekg(at);
        const char byte = static_cast<char>(file.get() ^ (1 << random() % 8));
        file.seekp(at);
        file.put(byte);
    };
    const auto cut = [&](const fs::path& path) {
        if (fs::exists(path) && fs::file_size(path) > 0) fs::resize_file(path, random() % fs::file_size(path));
    };
    switch (random() % 6) {
        case 0: for (const auto& part : {index, wal, account / "index.db-shm"}) fs::remove(part); break;
        case 1: fs::remove(index); break;
        case 2: cut(index); break;
        case 3: cut(wal); break;
        case 4: for (int i = 0; i < 20; ++i) flip(index); break;
        default: for (int i = 0; i < 5; ++i) flip(wal); break;
    }
}

} // namespace

TEST_CASE("deleting the index loses nothing the side files know") {
    TempRoot root;
    Everything before;
    std::map<std::string, std::uint32_t> validity;
    {
        auto store = open_test_store(root);
        auto account = must(store->account(1));
        live(*account);
        before = everything(*account);
        for (const auto& m : account->list()) validity[m.name] = must(account->status(m.id)).uid_validity;
    }
    for (const char* part : {"index.db", "index.db-wal", "index.db-shm"}) fs::remove(root.account(1) / part);
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    CHECK(everything(*account) == before);
    for (const auto& m : account->list()) CHECK(must(account->status(m.id)).uid_validity == validity[m.name]);
    auto inbox = select(*account, "INBOX");
    CHECK(inbox->uid_next() > 31);
    CHECK(inbox->find(6)->flags == flag::seen);
    CHECK(inbox->find(6)->keywords == 1);
    CHECK(inbox->keywords()[0] == "$Work");
    CHECK(inbox->find(7)->internal_date + 1 == inbox->find(8)->internal_date);
    CHECK(account->find("Sent")->special_use == SpecialUse::sent);
    CHECK(deliver(*account, 10).again);         // the tombstone survives in retention
    CHECK(deliver(*account, 3).again);
}

// TESTCARD A10. The store was stopped cleanly, or killed: both must do.
TEST_CASE("any damage to the index leaves every message") {
    std::mt19937 random(42);
    const char* wanted = std::getenv("POSTERN_DAMAGE_ROUNDS");      // 200 for the long run
    const int rounds = wanted ? std::atoi(wanted) : 40;
    for (int round = 0; round < rounds; ++round) {
        INFO("round " << round);
        TempRoot root;
        Everything before;
        {
            auto store = open_test_store(root);
            auto account = must(store->account(1));
            live(*account);
            before = everything(*account);
            if (round % 2 == 0) maintain_all(*store);
        }
        damage(root.account(1), random);
        auto store = open_test_store(root);
        auto account = must(store->account(1));
        const Everything after = everything(*account);
        const auto had = bodies(before), have = bodies(after);
        for (const std::string& text : had) CHECK(have.count(text) >= had.count(text));
        // A UID that is still there is still the same message.
        for (const auto& [name, messages] : before)
            for (const auto& [uid, text] : messages)
                if (after.count(name) && after.at(name).count(uid)) CHECK(after.at(name).at(uid) == text);
        append(*account, "INBOX", "new\r\n");
        CHECK(deliver(*account, 20).again);
    }
}

// btrfs after a power cut: a message that was flushed and then moved into a new folder brings with it the directories above
// its new name, and nothing else of that folder; the index has not heard of it.
TEST_CASE("of a new folder only the directory of a message is left") {
    const char* left = GENERATE("cur", "new");
    TempRoot root;
    std::string name;
    {
        auto store = open_test_store(root);
        auto account = must(store->account(1));
        append(*account, "Drafts", body(1));
    }
    for (const std::string& found : names_in(root.account(1) / ".Drafts" / "cur")) name = found;
    fs::create_directories(root.account(1) / ".Project" / left);
    fs::rename(root.account(1) / ".Drafts" / "cur" / name, root.account(1) / ".Project" / left / name);
    fs::create_directory(root.account(1) / ".cache");                  // nobody's mailbox
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    CHECK(contents(*select(*account, "Drafts")).empty());
    REQUIRE(account->find("Project"));
    CHECK(contents(*select(*account, "Project")).size() == 1);
    CHECK_FALSE(account->find("cache"));
    append(*account, "Project", body(2));
    CHECK(fs::is_directory(root.account(1) / ".Project" / "tmp"));
}

// btrfs after a power cut, again: names are brought back, or gone, in a directory whose time is the old one.
TEST_CASE("after a loss of power the times of directories prove nothing") {
    REQUIRE(this_boot() > 0);
    const auto [boot, found] = GENERATE(table<std::int64_t, bool>({{1, false}, {2, true}, {0, true}}));
    TempRoot root;
    {
        auto store = open_test_store(root);
        auto account = must(store->account(1));
        must(account->create("Project", SpecialUse::none));
        append(*account, "Drafts", body(1));
        maintain_all(*store);
    }
    const fs::path from = root.account(1) / ".Drafts" / "cur", to = root.account(1) / ".Project" / "cur";
    const auto from_time = fs::last_write_time(from), to_time = fs::last_write_time(to);
    for (const std::string& name : names_in(from)) fs::rename(from / name, to / name);
    fs::last_write_time(from, from_time);
    fs::last_write_time(to, to_time);
    fs::remove(root.path() / "owner-0");                    // nobody says that the stop was clean
    ++test_clock;
    auto store = open_test_store(root, 256, boot);
    auto account = must(store->account(1));
    CHECK(select(*account, "Project")->messages().size() == (found ? 1 : 0));
    CHECK(select(*account, "Drafts")->messages().size() == (found ? 0 : 1));
}

TEST_CASE("a damaged side file and no index: the messages remain") {
    TempRoot root;
    {
        auto store = open_test_store(root);
        live(*must(store->account(1)));
    }
    fs::remove(root.account(1) / "index.db");
    write_file(root.account(1) / "postern-mailbox", "garbage\n");
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    CHECK(contents(*select(*account, "INBOX")).size() == 25);
    CHECK(contents(*select(*account, "Lists/c++")).size() == 3);
}

TEST_CASE("a replay after a power cut writes what is missing, short or damaged") {
    TempRoot root;
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    for (std::uint32_t n = 1; n <= 4; ++n) deliver(*account, n);
    checkpoint(*store);
    auto inbox = select(*account, "INBOX");
    std::map<std::uint32_t, fs::path> paths;
    for (const auto& entry : fs::directory_iterator(root.account(1) / "new"))
        paths[parse_file_name(entry.path().filename().string())->key->id.offset] = entry.path();
    fs::remove(paths[1]);
    fs::resize_file(paths[2], 3);
    const auto size = fs::file_size(paths[3]);
    write_file(paths[3], std::string(size, '\0'));
    for (std::uint32_t n = 1; n <= 4; ++n) CHECK(deliver(*account, n).again);
    for (Uid uid = 1; uid <= 4; ++uid) CHECK(read_body(*inbox, uid).ends_with(body(uid)));
    CHECK(uids(*inbox).size() == 4);
}
