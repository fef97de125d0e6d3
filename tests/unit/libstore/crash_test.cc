// The store dies at each call that changes the disk, its own and SQLite's, in the middle of short sequences of
// operations; what it had acknowledged must be there when it opens again. The page cache survives here: this is
// `kill -9`, not a power cut. POSTERN_CRASH_SEQUENCES=500 makes it the long run of TESTCARD A12.
#include "fixture.h"

#include "libstore/sys.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <random>
#include <set>
#include <sstream>
#include <sqlite3.h>
#include <sys/wait.h>

using namespace postern;
using namespace postern::store;

namespace {

// --- Dying at the n-th call ------------------------------------------------------------------------------------

int calls_left = 0;                     // 0: nobody dies

void count_call() {
    if (calls_left > 0 && --calls_left == 0) ::kill(::getpid(), SIGKILL);
}

ssize_t counted_pwrite(int fd, const void* data, size_t size, off_t at) { count_call(); return ::pwrite(fd, data, size, at); }
ssize_t counted_pwrite64(int fd, const void* data, size_t size, off64_t at) { count_call(); return ::pwrite64(fd, data, size, at); }
ssize_t counted_write(int fd, const void* data, size_t size) { count_call(); return ::write(fd, data, size); }
int counted_ftruncate(int fd, off_t size) { count_call(); return ::ftruncate(fd, size); }
int counted_unlink(const char* path) { count_call(); return ::unlink(path); }

void count_calls() {
    sys::before_change = [](const char*) { count_call(); return 0; };
    sqlite3_vfs* vfs = sqlite3_vfs_find(nullptr);
    const auto replace = [&](const char* name, auto function) {
        vfs->xSetSystemCall(vfs, name, reinterpret_cast<sqlite3_syscall_ptr>(function));
    };
    replace("pwrite", counted_pwrite);
    replace("pwrite64", counted_pwrite64);
    replace("write", counted_write);
    replace("ftruncate", counted_ftruncate);
    replace("unlink", counted_unlink);
}

// --- What the child does, and tells ----------------------------------------------------------------------------

enum class Op { deliver, append, move, expunge, flag, copy, checkpoint, maintain, count };

struct Known {                          // what a client knows of one mailbox
    Uid uid_next = 0;
    ModSeq modseq = 0;
    std::map<Uid, std::string> messages;
};
using Snapshot = std::map<std::string, Known>;

Snapshot snapshot(Account& account) {
    Snapshot all;
    for (const MailboxInfo& m : account.list()) {
        auto mailbox = select(account, m.name);
        all[m.name] = {mailbox->uid_next(), mailbox->highest_modseq(), contents(*mailbox)};
    }
    return all;
}

std::string describe(const Snapshot& all) {
    std::string text;
    for (const auto& [name, known] : all) {
        text += fmt::format("{}\t{}\t{}\t{}\n", name, known.uid_next, known.modseq, known.messages.size());
        for (const auto& [uid, bytes] : known.messages) {
            const auto at = bytes.find("message ");
            text += fmt::format("{}\t{}\n", uid, bytes.substr(at + 8, bytes.find('\r', at) - at - 8));
        }
    }
    return text + ".\n";
}

// The number in the Subject stands for the body: every body holds it.
Snapshot parse_snapshot(const std::string& text) {
    Snapshot all;
    std::istringstream in(text);
    std::string line;
    while (std::getline(in, line) && line != ".") {
        std::istringstream words(line);
        std::string name;
        Known known;
        std::size_t count = 0;
        words >> name >> known.uid_next >> known.modseq >> count;
        for (; count > 0 && std::getline(in, line); --count) {
            std::istringstream pair(line);
            Uid uid = 0;
            std::string number;
            pair >> uid >> number;
            known.messages[uid] = number;
        }
        all[name] = known;
    }
    return all;
}

void perform(Op op, unsigned step, Store& store, Account& account) {
    auto inbox = select(account, "INBOX");
    const auto all = uids(*inbox);
    const std::vector<Uid> some(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(2, all.size())));
    switch (op) {
        case Op::deliver: deliver(account, 100 + step); deliver(account, 200 + step); break;
        case Op::append: append(account, "Sent", body(300 + step), flag::seen, {"word"}); break;
        case Op::move: must(inbox->move(some, account.find("Archive")->id)); break;
        case Op::expunge: must(inbox->expunge(some)); break;
        case Op::flag: must(inbox->set_flags(all, {FlagChange::Mode::add, step % 2 ? flag::seen : flag::flagged, 0, {}})); break;
        case Op::copy: copy(*inbox, some, account.find("Junk")->id); break;
        case Op::checkpoint: checkpoint(store); break;
        default: maintain_all(store); break;
    }
}

[[noreturn]] void child(const TempRoot& root, const std::vector<Op>& ops, int die_at, int report) {
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    for (std::uint32_t n = 1; n <= 4; ++n) deliver(*account, n);
    const auto tell = [&] {
        const std::string text = describe(snapshot(*account));
        if (::write(report, text.data(), text.size()) != static_cast<ssize_t>(text.size())) ::_exit(3);
    };
    tell();
    count_calls();
    calls_left = die_at;
    for (unsigned step = 0; step < ops.size(); ++step) {
        perform(ops[step], step, *store, *account);
        tell();
    }
    ::_exit(0);
}

// --- One run ---------------------------------------------------------------------------------------------------

struct Run {
    bool finished = false;              // the child came to its end
    std::vector<Snapshot> told;
};

Run run(const TempRoot& root, const std::vector<Op>& ops, int die_at) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t pid = ::fork();
    if (pid == 0) child(root, ops, die_at, ends[1]);
    ::close(ends[1]);
    std::string text;
    char buffer[65536];
    for (ssize_t got; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(got));
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    Run result;
    result.finished = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    REQUIRE((result.finished || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)));
    for (std::size_t at = 0, end; (end = text.find(".\n", at)) != std::string::npos; at = end + 2)
        result.told.push_back(parse_snapshot(text.substr(at, end + 2 - at)));
    return result;
}

std::map<std::string, int> numbers(const Snapshot& all) {
    std::map<std::string, int> count;
    for (const auto& [name, known] : all)
        for (const auto& [uid, number] : known.messages) ++count[number];
    return count;
}

// The operation that was under way may have happened or not: `last` is what was acknowledged before it.
void check(const TempRoot& root, const Run& result, Op under_way) {
    auto store = open_test_store(root);
    auto account = must(store->account(1));
    const Snapshot after = parse_snapshot(describe(snapshot(*account)));
    const Snapshot& last = result.told.back();
    const auto had = numbers(last), have = numbers(after);
    for (const auto& [number, count] : had) {
        const int now = have.count(number) ? have.at(number) : 0;
        INFO("message " << number);
        if (under_way != Op::expunge) CHECK(now >= count);
        if (under_way != Op::copy) CHECK(now <= count);         // after a MOVE too: in exactly one mailbox
    }
    for (const Snapshot& told : result.told)
        for (const auto& [name, known] : told) {
            REQUIRE(after.count(name));
            CHECK(after.at(name).uid_next >= known.uid_next);
            CHECK(after.at(name).modseq >= known.modseq);
            for (const auto& [uid, number] : known.messages)
                if (after.at(name).messages.count(uid)) CHECK(after.at(name).messages.at(uid) == number);
        }
    // A replay of everything changes nothing, and new messages get UIDs nobody was shown.
    std::set<std::string> keys;
    for (const auto& [number, count] : had)
        if (std::stoi(number) < 300) keys.insert(number);
    for (const std::string& number : keys) CHECK(deliver(*account, static_cast<std::uint32_t>(std::stoi(number))).again);
    deliver(*account, 999);
    const Snapshot later = parse_snapshot(describe(snapshot(*account)));
    for (const auto& [number, count] : numbers(later))
        if (number != "999") CHECK(count == (have.count(number) ? have.at(number) : 0));
    for (const auto& [uid, number] : later.at("INBOX").messages) {
        if (number != "999") continue;
        for (const Snapshot& told : result.told) CHECK(uid >= told.at("INBOX").uid_next);
    }
}

// Dies at every call (or every `stride`-th) until the child lives to its end. Returns how often it died.
int die_everywhere(const std::vector<Op>& ops, int stride) {
    int deaths = 0;
    for (int n = 1;; n += stride) {
        TempRoot root;
        const Run result = run(root, ops, n);
        if (result.finished) return deaths;
        ++deaths;
        REQUIRE(!result.told.empty());
        const std::size_t done = result.told.size() - 1;
        INFO("operation " << done << ", call " << n);
        check(root, result, done < ops.size() ? ops[done] : Op::maintain);
    }
}

} // namespace

TEST_CASE("killed at every call of one long sequence") {
    const std::vector<Op> ops = {Op::deliver, Op::append, Op::flag,   Op::move,     Op::copy,
                                 Op::checkpoint, Op::expunge, Op::maintain, Op::deliver, Op::maintain};
    CHECK(die_everywhere(ops, 1) > 100);
}

TEST_CASE("killed here and there in random short sequences") {
    const char* wanted = std::getenv("POSTERN_CRASH_SEQUENCES");
    const int sequences = wanted ? std::atoi(wanted) : 20;
    std::mt19937 random(7);
    for (int s = 0; s < sequences; ++s) {
        std::vector<Op> ops;
        for (int i = 0; i < 3; ++i) ops.push_back(static_cast<Op>(random() % static_cast<unsigned>(Op::count)));
        INFO("sequence " << s << ": " << static_cast<int>(ops[0]) << static_cast<int>(ops[1]) << static_cast<int>(ops[2]));
        die_everywhere(ops, wanted ? 1 : 7);
    }
}
