#include "libstore/account.h"

#include "libcommon/log.h"
#include "libcommon/text.h"
#include "libstore/mailbox.h"
#include "libstore/mailbox_name.h"
#include "libstore/reconcile.h"

#include <algorithm>
#include <ctime>
#include <fmt/core.h>

namespace postern::store {
namespace {

// A change within the same tick of the kernel's clock leaves the same mtime: one that is younger than this says
// nothing about what may still come.
constexpr std::int64_t settled_after = 20'000'000;      // nanoseconds; a tick is 1 to 10 ms

std::int64_t settled(std::int64_t modified, std::int64_t now) { return now - modified > settled_after ? modified : 0; }

std::int64_t clock_nanoseconds() {
    timespec time{};
    ::clock_gettime(CLOCK_REALTIME, &time);
    return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

} // namespace

void count_in(MailboxRow& row, const Message& m) {
    ++row.messages;
    if (!m.has(flag::seen)) ++row.unseen;
    row.bytes += m.size;
    row.checksum += row_hash(m);
}

void count_out(MailboxRow& row, const Message& m) {
    --row.messages;
    if (!m.has(flag::seen)) --row.unseen;
    row.bytes -= m.size;
    row.checksum -= row_hash(m);
}

OwnChange::OwnChange(Box& box, Of of) : box_(box), of_(of) {
    if (sys::modified(box.folder.new_dir()) != box.seen.new_modified) box.look_again = true;
    if (of == Of::both && sys::modified(box.folder.cur_dir()) != box.seen.cur_modified) box.look_again = true;
}

OwnChange::~OwnChange() {
    box_.seen.new_modified = sys::modified(box_.folder.new_dir());
    if (of_ == Of::both) box_.seen.cur_modified = sys::modified(box_.folder.cur_dir());
    box_.dirty = true;
}

// --- Mailboxes and their names ---------------------------------------------------------------------------------

Box* LocalAccount::box(MailboxId id) {
    const auto found = boxes_.find(id);
    return found == boxes_.end() || found->second->deleted() ? nullptr : found->second.get();
}

Box* LocalAccount::box(std::string_view name) {
    const auto found = names_.find(name);
    return found == names_.end() ? nullptr : found->second;
}

const Box* LocalAccount::box(std::string_view name) const { return const_cast<LocalAccount*>(this)->box(name); }

MailboxInfo LocalAccount::info(const Box& box) const {
    return {box.row.id, box.row.name, box.row.special_use, subscriptions_.count(box.row.name) != 0};
}

std::vector<MailboxInfo> LocalAccount::list() const {
    std::vector<MailboxInfo> all;
    for (const auto& [name, box] : names_) all.push_back(info(*box));
    return all;
}

std::optional<MailboxInfo> LocalAccount::find(std::string_view name) const {
    const auto canonical = canonical_mailbox_name(name);
    const Box* found = canonical ? box(*canonical) : nullptr;
    if (!found) return std::nullopt;
    return info(*found);
}

Result<MailboxInfo> LocalAccount::create(std::string_view name, SpecialUse special_use) {
    auto canonical = canonical_mailbox_name(name);
    if (!canonical) return canonical.error();
    if (box(*canonical)) return Error(Errc::exists, "the mailbox exists");
    auto made = make_box(*canonical, special_use);
    if (!made) return made.error();
    return info(**made);
}

std::uint32_t LocalAccount::next_uid_validity() {
    last_uid_validity_ = std::max(static_cast<std::uint32_t>(context_.now()), last_uid_validity_ + 1);
    return last_uid_validity_;
}

// The directory is named after the mailbox when it is made, and keeps its name: a rename changes rows and side
// files, never directories, so that it is one transaction.
std::string LocalAccount::unused_directory(std::string_view name) const {
    const std::string wanted = folder_directory(name).value_or(fmt::format(".mailbox-{}", last_mailbox_id_ + 1));
    std::string directory = wanted;
    const auto used = [&](const std::string& candidate) {
        return std::any_of(boxes_.begin(), boxes_.end(), [&](const auto& e) { return e.second->row.directory == candidate; });
    };
    for (unsigned n = 2; used(directory); ++n) directory = fmt::format("{}-{}", wanted, n);
    return directory;
}

// 1. the folder, 2. the row. A crash between leaves an empty folder, which the next look adopts.
Result<Box*> LocalAccount::make_box(std::string_view name, SpecialUse special_use) {
    if (last_mailbox_id_ == max_mailbox_id) return Error(Errc::no_space, "no mailbox number is left");
    auto fresh = std::make_unique<Box>();
    fresh->row.directory = unused_directory(name);
    auto folder = Folder::create(directory_.get(), fresh->row.directory);
    if (!folder) return folder.error();
    context_.structure_changed();
    fresh->row.id = ++last_mailbox_id_;
    fresh->row.name = name;
    fresh->row.special_use = special_use;
    fresh->row.uid_validity = next_uid_validity();
    fresh->changed_at = context_.started();
    fresh->folder = std::move(*folder);
    fresh->seen = look_at(directory_.get(), fresh->row.directory);
    auto done = transact([&](Index& index) { return index.put_mailbox(persisted(*fresh, fresh->row)); });
    if (!done) return done.error();
    Box* made = fresh.get();
    boxes_[made->row.id] = std::move(fresh);
    names_[made->row.name] = made;
    return made;
}

// The row loses its name in one transaction with the expunge of all its messages; the files follow into
// retention, then the folder goes (upkeep_deleted).
Result<void> LocalAccount::remove(std::string_view name) {
    auto canonical = canonical_mailbox_name(name);
    if (!canonical) return canonical.error();
    if (*canonical == "INBOX") return Error(Errc::denied, "INBOX stays");
    Box* found = box(*canonical);
    if (!found) return Error(Errc::not_found, "no such mailbox");
    MailboxRow row = found->row;
    row.name.clear();
    row.messages = row.unseen = 0;
    row.bytes = row.checksum = 0;
    ++row.modseq;
    auto done = transact([&](Index& index) -> Result<void> {
        auto gone = index.expunge(row_id(row.id, 0), row_id(row.id, UINT32_MAX), row.modseq, context_.now(), true);
        if (!gone) return gone;
        return index.put_mailbox(persisted(*found, row));
    });
    if (!done) return done;
    names_.erase(*canonical);
    if (found->view) found->view->detach();
    found->view.reset();
    found->row = row;
    ++removals_;
    unmoved_ = true;
    context_.touched();
    usage_changed();
    return {};
}

Result<void> LocalAccount::rename(std::string_view from, std::string_view to) {
    auto old_name = canonical_mailbox_name(from), new_name = canonical_mailbox_name(to);
    if (!old_name) return old_name.error();
    if (!new_name) return new_name.error();
    if (!box(*old_name)) return Error(Errc::not_found, "no such mailbox");
    if (box(*new_name)) return Error(Errc::exists, "the mailbox exists");
    if (*old_name == "INBOX") return rename_inbox(*new_name);
    if (new_name->starts_with(*old_name + "/")) return Error(Errc::invalid, "a mailbox cannot move below itself");
    return rename_boxes(*old_name, *new_name);
}

Result<void> LocalAccount::rename_inbox(const std::string& to) {
    auto target = make_box(to, SpecialUse::none);
    if (!target) return target.error();
    auto inbox = open(box("INBOX")->row.id);
    if (!inbox) return inbox.error();
    std::vector<Uid> all;
    for (const Message& m : (*inbox)->messages()) all.push_back(m.uid);
    auto moved = (*inbox)->move(all, (*target)->row.id);
    if (!moved) return moved.error();
    return {};
}

Result<void> LocalAccount::rename_boxes(const std::string& from, const std::string& to) {
    std::vector<std::pair<Box*, std::string>> renamed;
    for (const auto& [name, one] : names_)
        if (name == from || name.starts_with(from + "/")) renamed.emplace_back(one, to + name.substr(from.size()));
    for (const auto& [one, name] : renamed)
        if (name.size() > max_mailbox_name || box(name)) return Error(Errc::exists, "a mailbox below it cannot be renamed");
    auto done = transact([&](Index& index) -> Result<void> {
        for (const auto& [one, name] : renamed) {
            MailboxRow row = one->row;
            row.name = name;
            row.side_modseq = 0;        // its side file still says the old name
            if (auto put = index.put_mailbox(persisted(*one, row)); !put) return put;
        }
        return {};
    });
    if (!done) return done;
    for (const auto& [one, name] : renamed) {
        names_.erase(one->row.name);
        one->row.name = name;
        one->row.side_modseq = 0;
        names_[name] = one;
    }
    context_.touched();
    return {};
}

Result<void> LocalAccount::subscribe(std::string_view name, bool subscribed) {
    auto canonical = canonical_mailbox_name(name);
    if (!canonical) return canonical.error();
    if ((subscriptions_.count(*canonical) != 0) == subscribed) return {};
    auto done = transact([&](Index& index) { return index.put_subscription(*canonical, subscribed); });
    if (!done) return done;
    if (subscribed) subscriptions_.insert(*canonical);
    else subscriptions_.erase(*canonical);
    if (Box* found = box(*canonical)) {
        found->row.side_modseq = 0;     // its side file says so too
        mark_dirty(*found);
    }
    context_.touched();
    return {};
}

std::vector<std::string> LocalAccount::subscriptions() const { return {subscriptions_.begin(), subscriptions_.end()}; }

Result<Status> LocalAccount::status(MailboxId mailbox) {
    if (auto done = commit_or_recover(); !done) return done.error();
    Box* found = box(mailbox);
    if (!found) return Error(Errc::not_found, "no such mailbox");
    const MailboxRow& row = found->row;
    Status status{row.uid_validity, row.uid_next, row.modseq, row.messages, row.unseen, 0, row.bytes};
    if (row.first_recent < row.uid_next) {
        auto recent = index_->messages_from(row.id, row.first_recent);
        if (!recent) return recent.error();
        status.recent = static_cast<std::uint32_t>(recent->size());
    }
    return status;
}

// --- Opening a mailbox -----------------------------------------------------------------------------------------

Result<Folder*> LocalAccount::folder(Box& box) {
    if (box.folder) return &box.folder;
    auto opened = Folder::open(directory_.get(), box.row.directory);
    if (!opened && opened.error().code() == Errc::not_found) {      // another tool removed it
        opened = Folder::create(directory_.get(), box.row.directory);
        box.look_again = true;
        context_.structure_changed();
    }
    if (!opened) return opened.error();
    box.folder = std::move(*opened);
    return &box.folder;
}

Result<LocalMailbox*> LocalAccount::load_view(Box& box) {
    if (box.view) return box.view.get();
    if (auto done = commit(); !done) return done.error();
    auto messages = index_->messages(box.row.id);
    if (!messages) return messages.error();
    std::uint64_t checksum = 0;
    for (const Message& m : *messages) checksum += row_hash(m);
    if (checksum != box.row.checksum || messages->size() != box.row.messages)
        return Error(Errc::corrupt, "index: the rows of a mailbox are not those that were written");
    box.view = std::make_shared<LocalMailbox>(*this, box, std::move(*messages));
    return box.view.get();
}

Result<Box*> LocalAccount::prepare(MailboxId mailbox) {
    if (auto done = commit_or_recover(); !done) return done.error();
    Box* found = box(mailbox);
    if (!found) return Error(Errc::not_found, "no such mailbox");
    auto view = load_view(*found);
    if (!view && view.error().code() == Errc::corrupt) {
        const std::string name = found->row.name;       // ids are new after this
        if (auto done = recover(); !done) return done.error();
        found = box(name);
        if (!found) return Error(Errc::unavailable, "the mailbox was rebuilt under another name");
        view = load_view(*found);
    }
    if (!view) return view.error();
    auto folder_there = folder(*found);
    if (!folder_there) return folder_there.error();
    return found;
}

// A message another tool moved left one folder and came to another: all that changed are looked at together.
std::vector<Box*> LocalAccount::differing(Box& one) {
    const Look look = look_at(directory_.get(), one.row.directory);
    const bool same = look.new_modified == one.seen.new_modified && look.cur_modified == one.seen.cur_modified;
    if (same && !one.look_again) return {};
    std::vector<Box*> changed{&one};
    for (auto& [id, other] : boxes_)
        if (other.get() != &one && !other->deleted() && other->look_again) changed.push_back(other.get());
    return changed;
}

// The session's pointer keeps account and mailbox alive; the account itself never owns who owns it.
Result<std::shared_ptr<Mailbox>> LocalAccount::opened(MailboxId mailbox) {
    Box* found = box(mailbox);
    if (!found) return Error(Errc::not_found, "no such mailbox");
    if (auto view = load_view(*found); !view) return view.error();
    struct Opened {
        std::shared_ptr<LocalAccount> account;
        std::shared_ptr<LocalMailbox> mailbox;
    };
    auto opened = std::make_shared<Opened>(Opened{shared_from_this(), found->view});
    return std::shared_ptr<Mailbox>(opened, opened->mailbox.get());
}

Result<std::shared_ptr<Mailbox>> LocalAccount::open(MailboxId mailbox) {
    auto found = prepare(mailbox);
    if (!found) return found.error();
    if (auto changed = differing(**found); !changed.empty() && !merging_)
        if (auto done = reconcile(std::move(changed), false); !done) return done.error();
    return opened((*found)->row.id);
}

void LocalAccount::open(MailboxId mailbox, std::function<void(Result<std::shared_ptr<Mailbox>>)> done) {
    context_.later([self = shared_from_this(), mailbox, done = std::move(done)]() mutable {
        self->open_now(mailbox, std::move(done));
    });
}

void LocalAccount::open_now(MailboxId mailbox, std::function<void(Result<std::shared_ptr<Mailbox>>)> done) {
    if (merging_) {
        after_merge_.push_back([this, mailbox, done = std::move(done)] { open(mailbox, done); });
        return;
    }
    auto found = prepare(mailbox);
    if (!found) return done(found.error());
    auto changed = differing(**found);
    if (changed.empty()) return done(opened((*found)->row.id));
    merging_ = true;
    const auto merged = [this, id = (*found)->row.id, done = std::move(done)](const Result<void>& result) {
        merging_ = false;
        for (auto& waiting : std::exchange(after_merge_, {})) waiting();
        if (!result) return done(result.error());
        done(opened(id));
    };
    context_.carry_out(std::make_shared<Reconciler>(*this, std::move(changed), false, merged));
}

bool LocalAccount::in_use() const {
    if (weak_from_this().use_count() > 1) return true;      // more than the store's own
    return std::any_of(boxes_.begin(), boxes_.end(), [](const auto& e) { return e.second->view && e.second->view.use_count() > 1; });
}

// --- Quota -----------------------------------------------------------------------------------------------------

Usage LocalAccount::usage() const {
    Usage usage{0, 0, limit_bytes_, limit_messages_};
    for (const auto& [id, box] : boxes_) {
        usage.bytes += box->row.bytes;
        usage.messages += box->row.messages;
    }
    return usage;
}

Result<void> LocalAccount::set_limits(std::uint64_t bytes, std::uint64_t messages) {
    if (bytes == limit_bytes_ && messages == limit_messages_) return {};
    auto done = transact([&](Index& index) -> Result<void> {
        if (auto put = index.put_meta("limit_bytes", static_cast<std::int64_t>(bytes)); !put) return put;
        return index.put_meta("limit_messages", static_cast<std::int64_t>(messages));
    });
    if (!done) return done;
    limit_bytes_ = bytes;
    limit_messages_ = messages;
    return {};
}

bool LocalAccount::fits(std::uint64_t bytes, std::uint64_t messages) const {
    if (limit_bytes_ == 0 && limit_messages_ == 0) return true;
    const Usage now = usage();
    const bool bytes_fit = limit_bytes_ == 0 || (now.bytes <= limit_bytes_ && bytes <= limit_bytes_ - now.bytes);
    return bytes_fit && (limit_messages_ == 0 || now.messages + messages <= limit_messages_);
}

bool LocalAccount::takes_delivery() const {
    if (limit_bytes_ == 0 && limit_messages_ == 0) return true;
    const Usage now = usage();
    const auto below = [](std::uint64_t used, std::uint64_t limit) { return limit == 0 || used <= limit + limit / 10; };
    return below(now.bytes, limit_bytes_) && below(now.messages, limit_messages_);
}

void LocalAccount::usage_changed() {
    if (context_.options.changed) context_.options.changed(id_);
}

// --- Keywords --------------------------------------------------------------------------------------------------

Result<unsigned> LocalAccount::keyword(Box& box, std::string_view name) {
    for (unsigned n = 0; n < box.keywords.size(); ++n)
        if (iequals(box.keywords[n], name)) return n;
    if (box.keywords.size() >= max_keywords) return Error(Errc::no_space, "this mailbox has its 64 keywords");
    const auto number = static_cast<unsigned>(box.keywords.size());
    auto done = transact([&](Index& index) { return index.put_keyword({box.row.id, number, std::string(name)}); });
    if (!done) return done.error();
    box.keywords.emplace_back(name);
    box.row.side_modseq = 0;
    mark_dirty(box);
    return number;
}

// Numbers are per mailbox. One that no longer fits the target is dropped: better than the message.
Keywords LocalAccount::translate_keywords(const Box& from, Keywords keywords, Box& to) {
    if (&from == &to) return keywords;
    Keywords translated = 0;
    for (unsigned n = 0; n < from.keywords.size(); ++n) {
        if ((keywords >> n & 1) == 0) continue;
        if (auto number = keyword(to, from.keywords[n])) translated |= Keywords{1} << *number;
    }
    return translated;
}

// --- Rows ------------------------------------------------------------------------------------------------------

MailboxRow LocalAccount::persisted(const Box& box, MailboxRow row) const {
    const std::int64_t now = settling_ ? INT64_MAX : clock_nanoseconds();
    row.new_modified = box.look_again ? 0 : settled(box.seen.new_modified, now);
    row.cur_modified = box.look_again ? 0 : settled(box.seen.cur_modified, now);
    return row;
}

void LocalAccount::mark_dirty(Box& box) {
    box.dirty = true;
    dirty_ = true;
    context_.touched();
    if (context_.account_dirty) context_.account_dirty(*this);
}

void LocalAccount::touch(Box& box) {
    if (context_.flushed(box.changed_at)) box.handed_out = box.handed_before = 0;
    if (box.flush != 0 && context_.flushed(box.flush - 1)) {
        box.handed_out -= std::exchange(box.handed_before, 0);
        box.flush = 0;
    }
    box.changed_at = context_.started();
    context_.touched();
    usage_changed();
    // In time, so that nobody has to wait: a move of 100,000 messages hands out as many.
    if (++box.handed_out >= jump / 8 && box.handed_before == 0) {
        box.handed_before = box.handed_out;
        box.flush = context_.flush([](const Result<void>&) {});
    }
    if (box.handed_out < jump / 2) return;
    if (context_.flush_now()) box.handed_out = box.handed_before = 0;
}

Result<void> LocalAccount::write_pending() {
    for (auto& [id, box] : boxes_) {
        if (!box->dirty && box->pending.empty()) continue;
        for (const NewMessage& fresh : box->pending) {
            const RowId row = row_id(id, fresh.message.uid);
            if (auto done = index_->put_message(row, fresh.message); !done) return done;
            if (auto done = index_->put_file(row, fresh.base); !done) return done;
            if (!fresh.key) continue;
            if (auto done = index_->put_delivery(*fresh.key, row); !done) return done;
        }
        if (auto done = index_->put_mailbox(persisted(*box, box->row)); !done) return done;
    }
    return {};
}

Result<void> LocalAccount::committed() {
    for (auto& [id, box] : boxes_) {
        box->pending.clear();
        box->dirty = false;
    }
    pending_keys_.clear();
    dirty_ = false;
    context_.touched();
    fold_wal(Index::fold_wal_at_once);
    return {};
}

Result<void> LocalAccount::failed(const Error& error) {
    index_->rollback();
    damaged_ = damaged_ || error.code() == Errc::corrupt;
    log::error("store.index.failed", {{"account", id_}, {"error", error.message()}});
    return error;
}

Result<void> LocalAccount::commit() {
    if (!dirty_) return {};
    return transact([](Index&) { return Result<void>(); });
}

Result<void> LocalAccount::commit_or_recover() {
    auto done = commit();
    return damaged_ ? recover() : done;
}

Result<void> LocalAccount::insert(Box& box, std::vector<NewMessage>& messages) {
    MailboxRow row = box.row;
    ++row.modseq;
    for (NewMessage& fresh : messages) {
        if (row.uid_next == UINT32_MAX) return Error(Errc::no_space, "no UID is left in this mailbox");
        fresh.message.uid = row.uid_next++;
        fresh.message.modseq = row.modseq;
        count_in(row, fresh.message);
    }
    auto done = transact([&](Index& index) -> Result<void> {
        for (const NewMessage& fresh : messages) {
            const RowId id = row_id(row.id, fresh.message.uid);
            if (auto put = index.put_message(id, fresh.message); !put) return put;
            if (auto put = index.put_file(id, fresh.base); !put) return put;
        }
        return index.put_mailbox(persisted(box, row));
    });
    if (!done) return done;
    box.row = row;
    for (const NewMessage& fresh : messages) {
        touch(box);
        if (box.view) box.view->add(fresh.message);
    }
    notify(box);
    return {};
}

void LocalAccount::notify(Box& box) {
    if (box.view) box.view->changed();
}

// An APPEND or COPY that could not be made durable did not happen.
void LocalAccount::withdraw(MailboxId mailbox, std::span<const Uid> uids) {
    if (uids.empty()) return;
    if (Box* found = box(mailbox))
        if (auto view = load_view(*found)) (void)(*view)->expunge(uids);
}

Fd LocalAccount::wal_for_sync() const {
    auto wal = sys::open_file(directory_.get(), "index.db-wal");
    return wal ? std::move(*wal) : Fd();
}

SyncJob LocalAccount::sync_job() {
    SyncJob job;
    job.file_system = !context_.structure_flushed();
    if (Fd wal = wal_for_sync()) job.files.push_back(std::move(wal));
    return job;
}

Result<std::string> LocalAccount::base_of(const Box& box, Uid uid) {
    for (const NewMessage& fresh : box.pending)
        if (fresh.message.uid == uid) return fresh.base;
    return index_->base(row_id(box.row.id, uid));
}

// Where the index says it is; where another tool put it; or under the name of an unfinished append.
Result<Fd> LocalAccount::open_message(Box& box, Uid uid, Flags name_flags, std::string_view base) {
    auto there = folder(box);
    if (!there) return there.error();
    auto file = (*there)->open_message(base, name_flags);
    if (file || file.error().code() != Errc::not_found) return file;
    if (const auto found = (*there)->search(base)) {
        box.look_again = true;
        return sys::open_file((*there)->dir_of(found->name_flags), found->name);
    }
    log::warning("store.file.missing", {{"account", id_}, {"mailbox", box.row.name}, {"uid", uid}});
    box.look_again = true;
    return file;
}

} // namespace postern::store
