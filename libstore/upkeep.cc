// What is done lazily, in bounded steps: flags into file names, side files, expunged files into retention and, when
// their time is over, away.
#include "libstore/account.h"

#include "libcommon/log.h"
#include "libstore/mailbox.h"
#include "libstore/side_file.h"

#include <algorithm>
#include <fmt/core.h>

namespace postern::store {
namespace {

constexpr std::int64_t side_delay = 10, purge_period = 600, view_kept = 300;         // seconds
// UIDs that are gone, for the clients of RFC 7162; who was away for longer starts afresh.
constexpr std::size_t expunged_kept = 10'000, expunged_forgotten_at_once = 1'000;
// A side file that is mostly history is written anew: an ordinary line takes some 80 bytes.
constexpr std::size_t side_cost = 4;
constexpr std::uint64_t side_line_estimate = 160, side_minimum = 64 * 1024;

} // namespace

void LocalAccount::upkeep(std::size_t& budget) {
    for (auto& [id, box] : boxes_) {
        if (box->deleted()) continue;
        if (box->view) (void)box->view->write_cache();
        upkeep_names(*box, budget);
        upkeep_side(*box, false, budget);
        upkeep_view(*box);
    }
    upkeep_retention(budget);
    upkeep_deleted(budget);
    upkeep_purge(budget);
    fold_wal(Index::fold_wal_pages);
}

void LocalAccount::fold_wal(int from_pages) {
    if (index_->wal_pages() < from_pages || folding_wal_) return;
    folding_wal_ = true;
    SyncJob fold;
    fold.index = index_path();
    // A failure is tried again with the next commit.
    fold.done = [self = weak_from_this()](const Result<void>&) {
        const auto account = self.lock();
        if (!account) return;
        account->folding_wal_ = false;
        if (account->index_) account->index_->forget_wal_pages();
    };
    context_.worker->add(std::move(fold));
}

void LocalAccount::settle(bool store_closes) {
    std::size_t budget = 10'000;
    upkeep_retention(budget);
    for (auto& [id, box] : boxes_) {
        if (box->deleted()) continue;
        if (box->view) (void)box->view->write_cache();
        upkeep_names(*box, budget);
        if (store_closes || box->view) upkeep_side(*box, true, budget);
    }
    // The last word on what the folders look like, so that the next opening need not look into them. Our own
    // change is over; what a delivery after the next opening could hide in the same tick, a replay brings back.
    settling_ = true;
    for (auto& [id, box] : boxes_)
        if (box->dirty || box->seen.new_modified != box->row.new_modified || box->seen.cur_modified != box->row.cur_modified)
            mark_dirty(*box);
    (void)commit();
    settling_ = false;
}

// The messages of a mailbox nobody has open are kept a while for its next SELECT.
void LocalAccount::upkeep_view(Box& box) {
    const bool unused = box.view && box.view.use_count() == 1 && box.view->stale_names().empty() &&
                        box.row.side_modseq == box.row.modseq;
    if (!unused) box.unused_since = 0;
    else if (box.unused_since == 0) box.unused_since = context_.now();
    else if (context_.now() - box.unused_since > view_kept) box.view.reset();
}

// --- Names -----------------------------------------------------------------------------------------------------

// Renames, then says so in one transaction. A crash between is a rename by "another tool" to the flags the index
// has already.
void LocalAccount::upkeep_names(Box& box, std::size_t& budget) {
    if (budget == 0 || merging_ || !box.view || box.view->stale_names().empty()) return;
    auto there = folder(box);
    if (!there) return;
    std::vector<Uid>& stale = box.view->stale_names();
    std::vector<std::pair<Uid, Flags>> renamed;
    {
        const OwnChange change(box);
        for (; !stale.empty() && budget > 0; stale.pop_back(), --budget) {
            const Message* m = box.view->find(stale.back());
            if (!m || m->name_flags == m->flags) continue;
            auto base = base_of(box, m->uid);
            if (!base) continue;
            if (rename_message(**there, m->name_flags, **there, m->flags, *base)) renamed.emplace_back(m->uid, m->flags);
            else box.look_again = true;
        }
    }
    if (renamed.empty()) return;
    MailboxRow row = box.row;
    auto done = transact([&](Index& index) -> Result<void> {
        for (const auto& [uid, flags] : renamed) {
            Message m = *box.view->find(uid);
            row.checksum -= row_hash(m);
            m.name_flags = flags;
            row.checksum += row_hash(m);
            if (auto put = index.put_name_flags(row_id(box.row.id, uid), flags); !put) return put;
        }
        return index.put_mailbox(persisted(box, row));
    });
    if (!done) {
        box.look_again = true;
        return;
    }
    box.row = row;
    for (const auto& [uid, flags] : renamed) box.view->find_mutable(uid)->name_flags = flags;
}

// --- Side files ------------------------------------------------------------------------------------------------

std::string LocalAccount::side_header(const Box& box) const {
    std::string text = side_line(SideMailbox{box.row.uid_validity, box.row.uid_next, box.row.modseq, box.row.special_use,
                                             subscriptions_.count(box.row.name) != 0, box.row.name});
    for (unsigned n = 0; n < box.keywords.size(); ++n)
        if (!box.keywords[n].empty()) text += side_keyword_line(n, box.keywords[n]);
    return text;
}

void LocalAccount::upkeep_side(Box& box, bool at_once, std::size_t& budget) {
    if (budget == 0 || box.row.side_modseq == box.row.modseq) return;
    const std::int64_t now = context_.now();
    if (box.side_due == 0) box.side_due = now + side_delay;
    if (!at_once && now < box.side_due) return;
    box.side_due = 0;
    if (!folder(box) || !commit()) return;
    budget -= std::min(budget, side_cost);
    const bool anew = box.row.side_modseq == 0 || box.row.side_bytes > side_minimum + side_line_estimate * box.row.messages;
    auto done = anew ? rewrite_side(box) : append_side(box);
    if (!done) {
        log::warning("store.side_file.failed", {{"account", id_}, {"mailbox", box.row.name}, {"error", done.error().message()}});
        return;
    }
    box.row.side_modseq = box.row.modseq;
    box.row.side_uid = box.row.uid_next - 1;
    mark_dirty(box);
}

// What changed since the last time. With the mailbox open that is told by MODSEQ; without, nothing but new
// messages can have come.
Result<void> LocalAccount::append_side(Box& box) {
    std::string text = side_header(box);
    const auto add = [&](const Message& m) -> Result<void> {
        auto base = index_->base(row_id(box.row.id, m.uid));
        if (!base) return base.error();
        text += side_line(SideMessage{m.uid, m.keywords, m.internal_date}, *base);
        return {};
    };
    std::vector<Message> fresh;
    if (!box.view) {
        auto rows = index_->messages_from(box.row.id, box.row.side_uid + 1);
        if (!rows) return rows.error();
        fresh = std::move(*rows);
    } else {
        for (const Message& m : box.view->messages())
            if (m.modseq > box.row.side_modseq) fresh.push_back(m);
    }
    for (const Message& m : fresh)
        if (auto done = add(m); !done) return done;
    auto expunged = index_->expunged_since(box.row.id, box.row.side_modseq);
    if (!expunged) return expunged.error();
    for (const Uid uid : *expunged) text += side_expunged_line(uid);
    auto file = sys::open_or_append(box.folder.root(), side_file_name);
    if (!file) return file.error();
    if (auto done = sys::write_all(file->get(), text); !done) return done;
    auto size = sys::size_of(file->get());
    if (!size) return size.error();
    box.row.side_bytes = *size;
    return {};
}

Result<void> LocalAccount::rewrite_side(Box& box) {
    auto messages = index_->messages(box.row.id);
    auto files = index_->files(box.row.id);
    if (!messages) return messages.error();
    if (!files) return files.error();
    std::string text = side_header(box);
    for (std::size_t f = 0; const Message& m : *messages) {
        while (f < files->size() && (*files)[f].uid < m.uid) ++f;
        if (f < files->size() && (*files)[f].uid == m.uid)
            text += side_line(SideMessage{m.uid, m.keywords, m.internal_date}, (*files)[f].base);
    }
    const std::string unfinished = unfinished_name(side_file_name);
    (void)sys::unlink(box.folder.root(), unfinished);
    auto file = sys::create_file(box.folder.root(), unfinished);
    if (!file) return file.error();
    if (auto done = sys::write_all(file->get(), text); !done) return done;
    if (auto done = sys::rename(box.folder.root(), unfinished, box.folder.root(), side_file_name); !done) return done;
    box.row.side_bytes = text.size();
    return {};
}

// --- Retention -------------------------------------------------------------------------------------------------

Result<Fd> LocalAccount::retention() {
    if (auto made = sys::make_dir(directory_.get(), "retention"); !made) return made.error();
    return sys::open_dir(directory_.get(), "retention");
}

Result<Fd> LocalAccount::open_retained(Box& box, Uid uid) {
    auto row = index_->retained(row_id(box.row.id, uid));
    if (!row) return row.error();
    if (!*row) return Error(Errc::not_found, "no such message");
    if (!(*row)->moved) return open_message(box, uid, (*row)->name_flags, (*row)->base);
    auto directory = retention();
    if (!directory) return directory.error();
    return sys::open_file(directory->get(), file_name((*row)->base, (*row)->name_flags));
}

// False: not now. A file that is nowhere was removed by somebody else: there is nothing to retain.
Result<bool> LocalAccount::retain_file(const RetainedRow& row) {
    const auto home = boxes_.find(mailbox_of(row.id));
    if (home == boxes_.end()) return true;
    auto from = folder(*home->second);
    if (!from) return from.error();
    auto to = retention();
    if (!to) return to.error();
    const OwnChange change(*home->second);
    const std::string kept = file_name(row.base, row.name_flags);
    auto done = sys::rename((*from)->dir_of(row.name_flags), kept, to->get(), kept);
    if (done) return true;
    if (done.error().code() != Errc::not_found) return done.error();
    const auto found = (*from)->search(row.base);
    if (!found) return true;
    done = sys::rename((*from)->dir_of(found->name_flags), found->name, to->get(), kept);
    if (!done) return done.error();
    return true;
}

void LocalAccount::upkeep_retention(std::size_t& budget) {
    if (!unmoved_ || budget == 0) return;
    auto rows = index_->retained_unmoved(std::min<std::size_t>(budget, 1000));
    if (!rows) return;
    unmoved_ = !rows->empty();
    if (!unmoved_) return;
    std::vector<RowId> moved;
    for (const RetainedRow& row : *rows) {
        auto done = retain_file(row);
        if (!done) break;               // a full or failing disk: later
        moved.push_back(row.id);
    }
    budget -= rows->size();
    (void)transact([&](Index& index) -> Result<void> {
        for (const RowId id : moved)
            if (auto put = index.put_retained_moved(id, true); !put) return put;
        return {};
    });
}

// A deleted mailbox's folder goes when nothing of it is left to retain.
void LocalAccount::upkeep_deleted(std::size_t& budget) {
    if (unmoved_ || budget == 0) return;
    const auto at = std::find_if(boxes_.begin(), boxes_.end(), [](const auto& e) { return e.second->deleted(); });
    if (at == boxes_.end()) return;
    --budget;
    drop_folder(*at->second);
    const MailboxId id = at->first;
    if (!transact([&](Index& index) { return index.drop_mailbox(id); })) return;
    boxes_.erase(at);
    ++removals_;
}

// What another tool put there since is retained too, without a row.
void LocalAccount::drop_folder(const Box& box) {
    auto there = Folder::open(directory_.get(), box.row.directory);
    auto kept = retention();
    if (!there || !kept) return;
    auto listing = there->list();
    if (!listing) return;
    for (const Folder::Entry& entry : listing->messages)
        (void)sys::rename(entry.in_new_dir ? there->new_dir() : there->cur_dir(), entry.name, kept->get(), entry.name);
    for (const Folder::Entry& entry : listing->unfinished)
        (void)sys::unlink(entry.in_new_dir ? there->new_dir() : there->cur_dir(), entry.name);
    for (const char* part : {"tmp", "new", "cur"}) (void)sys::remove_dir(there->root(), part);
    for (const char* part : {side_file_name, "maildirfolder"}) (void)sys::unlink(there->root(), part);
    (void)sys::remove_dir(directory_.get(), box.row.directory);
}

// Slowly: mass deletes make the file system slow at creating (PIPELINE.md, variant g). With the row goes the
// tombstone: nothing is replayed after so long.
void LocalAccount::upkeep_purge(std::size_t& budget) {
    const std::int64_t now = context_.now();
    if (now < purge_due_ || budget == 0) return;
    auto rows = index_->retained_before(now - context_.options.undelete.count(), std::min<std::size_t>(budget, 100));
    if (!rows || rows->empty()) {
        if (!forget_expunged(budget)) purge_due_ = now + purge_period;
        return;
    }
    auto directory = retention();
    if (!directory) return;
    for (const RetainedRow& row : *rows) (void)sys::unlink(directory->get(), file_name(row.base, row.name_flags));
    budget -= rows->size();
    (void)transact([&](Index& index) -> Result<void> {
        for (const RetainedRow& row : *rows) {
            if (auto dropped = index.drop_retained(row.id); !dropped) return dropped;
            const auto name = parse_file_name(row.base);
            if (!name || !name->key) continue;
            if (auto dropped = index.drop_delivery(*name->key); !dropped) return dropped;
        }
        return {};
    });
}

// True: there may be more. What the side file has not been told yet is kept.
bool LocalAccount::forget_expunged(std::size_t& budget) {
    for (auto& [id, owned] : boxes_) {
        Box& box = *owned;
        if (box.deleted() || box.row.side_modseq != box.row.modseq) continue;
        MailboxRow row = box.row;
        auto done = transact([&](Index& index) -> Result<void> {
            auto up_to = index.forget_expunged(row.id, expunged_kept, expunged_forgotten_at_once);
            if (!up_to) return up_to.error();
            if (*up_to == 0) return {};
            row.forgotten = std::max(row.forgotten, *up_to);
            return index.put_mailbox(persisted(box, row));
        });
        if (!done || row.forgotten == box.row.forgotten) continue;
        box.row = row;
        budget -= std::min<std::size_t>(budget, 50);
        return true;
    }
    return false;
}

} // namespace postern::store
