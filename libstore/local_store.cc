#include "libstore/local_store.h"

#include "libcommon/crc32c.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

#include <algorithm>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/file.h>
#include <unistd.h>

namespace postern::store {
namespace {

// Commits in slices: a checkpoint of many accounts is no reason for a session to wait for all of them.
constexpr std::size_t accounts_per_slice = 8;
constexpr std::size_t upkeep_budget = 256;              // renames, unlinks, file writes a step

struct Owner {
    std::int64_t epoch = 0;
    std::uint32_t of = 0;
    bool clean = false;
};

std::optional<Owner> parse_owner(std::string_view text) {
    const auto line = text.substr(0, text.find('\n'));
    const auto words = split(line, ' ');
    if (words.size() != 6 || words[0] != "epoch" || words[2] != "of") return std::nullopt;
    const auto epoch = parse_number(words[1], INT64_MAX), of = parse_number(words[3], UINT32_MAX);
    const auto body = line.substr(0, line.size() - words[5].size() - 1);
    if (!epoch || !of || words[5] != fmt::format("{:08x}", crc32c(body))) return std::nullopt;
    return Owner{static_cast<std::int64_t>(*epoch), static_cast<std::uint32_t>(*of), words[4] == "clean"};
}

} // namespace

Result<std::unique_ptr<Store>> open_store(Options options) { return LocalStore::open(std::move(options)); }

Result<std::unique_ptr<Store>> LocalStore::open(Options options) {
    std::unique_ptr<LocalStore> store(new LocalStore);
    Context& context = store->context_;
    context.options = std::move(options);
    context.root = Fd(::open(context.options.root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!context.root) return Error::from_errno("open mail root").with("path", context.options.root);
    sys::spread_directories(context.root.get());
    if (auto done = store->take_ownership(); !done) return done.error();
    context.worker = std::make_unique<SyncWorker>(context.root.get(), context.options.post);
    context.account_dirty = [self = store.get()](LocalAccount& account) { self->dirty_.insert(account.id()); };
    return std::unique_ptr<Store>(std::move(store));
}

Result<void> LocalStore::take_ownership() {
    auto file = sys::open_or_create(context_.root.get(), fmt::format("owner-{}", context_.options.instance));
    if (!file) return file.error();
    if (::flock(file->get(), LOCK_EX | LOCK_NB) != 0)
        return Error(Errc::unavailable, "another process owns these mailboxes");
    owner_ = std::move(*file);
    auto text = sys::read_all(owner_.get(), 4096);
    if (!text) return text.error();
    const auto before = parse_owner(*text);
    if (before && before->clean && before->of == context_.options.of) {
        context_.epoch = before->epoch;
    } else {
        // Without a record (a first start, or it was lost) the clock gives a number no account has seen.
        context_.epoch = before ? before->epoch + 1 : context_.now();
        log::info("store.epoch", {{"epoch", context_.epoch}, {"instance", context_.options.instance}});
    }
    return write_owner("running");
}

// One short line in one sector: written in place, whole or not at all.
Result<void> LocalStore::write_owner(std::string_view state) {
    std::string line = fmt::format("epoch {} of {} {}", context_.epoch, context_.options.of, state);
    line += fmt::format(" {:08x}\n", crc32c(line));
    if (::lseek(owner_.get(), 0, SEEK_SET) != 0) return Error::from_errno("seek owner file");
    if (auto done = sys::write_all(owner_.get(), line); !done) return done;
    if (auto done = sys::sync_file(owner_.get()); !done) return done;
    return sys::sync_file(context_.root.get());
}

LocalStore::~LocalStore() {
    *alive_ = false;
    if (!context_.worker) return;
    for (auto& [id, kept] : accounts_) kept.account->settle(true);
    accounts_.clear();
    context_.worker.reset();
    if (sys::sync_file_system(context_.root.get())) (void)write_owner("clean");
}

Result<std::shared_ptr<Account>> LocalStore::account(AccountId id) {
    if (const auto found = accounts_.find(id); found != accounts_.end()) {
        used_.splice(used_.begin(), used_, found->second.used);
        return std::shared_ptr<Account>(found->second.account);
    }
    auto opened = LocalAccount::open(context_, id);
    if (!opened) return opened.error();
    used_.push_front(id);
    accounts_[id] = {*opened, used_.begin()};
    close_unused();
    return std::shared_ptr<Account>(*opened);
}

// The least recently used of those nobody holds. Closing commits but does not fold the WAL back.
void LocalStore::close_unused() {
    for (auto at = used_.end(); accounts_.size() > context_.options.open_accounts && at != used_.begin();) {
        --at;
        const auto found = accounts_.find(*at);
        if (at == used_.begin() || found->second.account->in_use()) continue;
        found->second.account->settle(false);
        dirty_.erase(*at);
        accounts_.erase(found);
        at = used_.erase(at);
    }
}

// A row that cannot be committed does not fail the checkpoint: the message is its file, and the file is what is
// flushed; the row is tried again, or made from the file.
void LocalStore::commit_some(std::vector<AccountId> waiting, std::function<void()> then) {
    for (std::size_t n = 0; n < accounts_per_slice && !waiting.empty(); ++n) {
        const AccountId id = waiting.back();
        waiting.pop_back();
        dirty_.erase(id);
        const auto found = accounts_.find(id);
        if (found == accounts_.end()) continue;
        if (!found->second.account->commit_or_recover()) dirty_.insert(id);
        if (context_.sync_each())
            if (Fd wal = found->second.account->wal_for_sync()) context_.keep_for_sync(std::move(wal));
    }
    if (waiting.empty()) return then();
    context_.later([this, alive = alive_, waiting = std::move(waiting), then = std::move(then)]() mutable {
        if (*alive) commit_some(std::move(waiting), std::move(then));
    });
}

void LocalStore::checkpoint(std::function<void(Result<void>)> done) {
    commit_some({dirty_.begin(), dirty_.end()}, [this, done = std::move(done)]() mutable { context_.flush(std::move(done)); });
}

// Round and round: the next step goes on with the account at which the budget of this one ended.
bool LocalStore::maintain() {
    std::vector<AccountId> ids;
    for (const auto& [id, kept] : accounts_) ids.push_back(id);
    std::sort(ids.begin(), ids.end());
    std::rotate(ids.begin(), std::lower_bound(ids.begin(), ids.end(), upkeep_next_), ids.end());
    std::size_t budget = upkeep_budget;
    for (const AccountId id : ids) {
        upkeep_next_ = id;
        accounts_[id].account->upkeep(budget);
        if (budget == 0) return true;
    }
    upkeep_next_ = 0;
    return false;
}

std::int64_t this_boot() {
    const Fd file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
    if (!file) return 0;
    char text[64];
    const ssize_t size = ::read(file.get(), text, sizeof text);        // a file of /proc has no size to be asked for
    return size > 0 ? crc32c({text, static_cast<std::size_t>(size)}) + std::int64_t{1} : 0;
}

} // namespace postern::store
