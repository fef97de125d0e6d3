#include "libstore/reconcile.h"

#include "libcommon/log.h"
#include "libstore/mailbox.h"

#include <algorithm>
#include <list>

namespace postern::store {
namespace {

constexpr std::size_t compared_at_once = 5'000, settled_at_once = 200, converted_at_once = 8;      // a conversion flushes its file
constexpr std::size_t max_converted = std::size_t{256} * 1024 * 1024;

bool has_bare_newline(std::string_view text) {
    for (auto at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
        if (at == 0 || text[at - 1] != '\r') return true;
    return false;
}

std::string with_crlf(std::string_view text) {
    std::string out;
    out.reserve(text.size() + text.size() / 32);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
        out += text[i];
    }
    return out;
}

// Other tools store messages with bare newlines; IMAP speaks CRLF (RFC 3501 section 2.2) and RFC822.SIZE must be
// what is sent. So there is one form on disk: theirs becomes ours when it is taken over.
Result<std::uint64_t> take_over(int dir, const std::string& name, const FileName& parsed, std::size_t& converted_files) {
    auto file = sys::open_file(dir, name);
    if (!file) return file.error();
    auto size = sys::size_of(file->get());
    if (!size || (parsed.size && *parsed.size == *size) || *size > max_converted) return size;
    auto text = sys::read_all(file->get(), max_converted);
    if (!text) return text.error();
    if (!has_bare_newline(*text)) return size;
    ++converted_files;
    const std::string converted = with_crlf(*text), unfinished = unfinished_name(parsed.base);
    auto out = sys::create_file(dir, unfinished);
    if (!out) return out.error();
    if (auto done = sys::write_all(out->get(), converted); !done) return done.error();
    if (auto done = sys::sync_file(out->get()); !done) return done.error();
    if (auto done = sys::rename(dir, unfinished, dir, name); !done) return done.error();
    return converted.size();
}

} // namespace

Reconciler::Room& Reconciler::room(Box& box) {
    const auto [at, fresh] = rooms_.try_emplace(&box);
    if (fresh) {
        at->second.row = box.row;
        at->second.old_uid_next = box.row.uid_next;
    }
    return at->second;
}

void Reconciler::read_side(Box& box, Room& room) {
    auto file = sys::open_file(box.folder.root(), side_file_name);
    if (!file) return;
    auto text = sys::read_all(file->get(), max_side_file);
    if (!text) return;
    room.side = parse_side_file(*text);
    room.row.side_bytes = text->size();
    if (room.side.damaged > 0)
        log::warning("store.side_file.damaged", {{"account", account_.id_}, {"mailbox", box.row.name}, {"lines", room.side.damaged}});
}

// DESIGN section 6: UIDs and MODSEQs never go backwards. Each unclean stop since the account was last written
// skips its own share, so that numbers handed out after a recovery that was itself lost do not come back either.
void Reconciler::skip_numbers(Room& room) {
    MailboxRow& row = room.row;
    if (room.side.mailbox) {
        row.uid_next = std::max(row.uid_next, room.side.mailbox->uid_next);
        row.modseq = std::max(row.modseq, room.side.mailbox->modseq);
    }
    if (room.side.highest_uid >= row.uid_next) row.uid_next = room.side.highest_uid + 1;
    const auto epoch = account_.index_->meta("epoch", account_.context_.epoch - 1);
    const std::int64_t stops = std::clamp<std::int64_t>(account_.context_.epoch - (epoch ? *epoch : 0), 1, 16);
    const bool unused = row.uid_next == 1 && row.modseq == 1;       // a mailbox nobody ever saw a message in
    if (!unused && row.uid_next < 0xE0000000) row.uid_next += jump * static_cast<Uid>(stops);
    if (!unused) row.modseq += jump * static_cast<ModSeq>(stops);
    row.forgotten = row.modseq;
    row.side_modseq = 0;
    room.changed = true;
}

Result<void> Reconciler::look_over(Box& box) {
    if (auto done = account_.commit(); !done) return done;
    auto folder = account_.folder(box);
    if (!folder) return folder.error();
    Room& here = room(box);
    if (unclean_) {
        read_side(box, here);
        skip_numbers(here);
    }
    const Look look = look_at(account_.directory_.get(), box.row.directory);
    const bool known = look.new_modified != 0 && look.cur_modified != 0 && look.side_bytes == box.row.side_bytes;
    if (unclean_ && known && !box.look_again) return {};        // just as its row remembers it
    box.seen.new_modified = look.new_modified;
    box.seen.cur_modified = look.cur_modified;
    box.look_again = false;
    auto listing = (*folder)->list();
    if (!listing) return listing.error();
    return read_rows(std::move(*listing), box);
}

Result<void> Reconciler::read_rows(Folder::Listing listing, Box& box) {
    auto files = account_.index_->files(box.row.id);
    if (!files) return files.error();
    auto messages = account_.index_->messages(box.row.id);
    if (!messages) return messages.error();
    comparison_.emplace(Comparison{&box, std::move(listing), 0, {}, {}});
    auto& known = comparison_->known;
    known.reserve(files->size());
    for (std::size_t m = 0; FileRow& file : *files) {
        while (m < messages->size() && (*messages)[m].uid < file.uid) ++m;
        if (m < messages->size() && (*messages)[m].uid == file.uid) known.emplace(std::move(file.base), (*messages)[m]);
    }
    return {};
}

void Reconciler::compare_some() {
    auto& [box, listing, next, known, met] = *comparison_;
    const SideFile& side = room(*box).side;
    for (std::size_t left = compared_at_once; left > 0 && next < listing.messages.size(); --left, ++next) {
        const Folder::Entry& entry = listing.messages[next];
        const auto parsed = parse_file_name(entry.name);
        std::string base(parsed->base);
        if (const auto row = known.find(base); row != known.end()) {
            const bool as_expected = entry.in_new_dir == ((row->second.name_flags & in_new) != 0) &&
                                     entry.name == file_name(base, row->second.name_flags);
            if (!as_expected) renamed_.push_back({box, row->second, base, entry.name, entry.in_new_dir});
            known.erase(row);
            met.insert(std::move(base));
            continue;
        }
        if (met.count(base) != 0) continue;     // the same message twice: somebody's unfinished rename
        const auto remembered = side.messages.find(base);
        const Uid side_uid = remembered == side.messages.end() ? 0 : remembered->second.uid;
        unknown_.push_back({box, entry.name, entry.in_new_dir, std::move(base), side_uid, parsed->seconds});
    }
    if (next < listing.messages.size()) return;
    if (unclean_) finish_unfinished();
    for (auto& [base, message] : known) missing_.emplace(base, Missing{box, message});
    comparison_.reset();
}

// Dot-names are ours, and after an unclean stop nobody is still writing one.
void Reconciler::finish_unfinished() {
    auto& [box, listing, next, known, met] = *comparison_;
    for (const Folder::Entry& entry : listing.unfinished) {
        const int dir = entry.in_new_dir ? box->folder.new_dir() : box->folder.cur_dir();
        const std::string base(parse_file_name(std::string_view(entry.name).substr(1))->base);
        const auto row = known.find(base);
        if (row == known.end()) {
            (void)sys::unlink(dir, entry.name);
            continue;
        }
        const Flags flags = row->second.name_flags;
        if (sys::rename(dir, entry.name, box->folder.dir_of(flags), file_name(base, flags))) known.erase(row);
    }
}

Reconciler::Reconciler(LocalAccount& account, std::vector<Box*> boxes, bool unclean, std::function<void(Result<void>)> done) :
    kept_(account.shared_from_this()), account_(account), boxes_(std::move(boxes)), removals_(account.removals_),
    unclean_(unclean), done_(std::move(done)) {}

bool Reconciler::step() {
    const auto more = proceed();
    if (more && *more) return true;
    if (!more && account_.removals_ == removals_)
        for (Box* box : boxes_) box->look_again = true;
    done_(more ? Result<void>() : Result<void>(more.error()));
    return false;
}

Result<bool> Reconciler::proceed() {
    if (account_.removals_ != removals_) return Error(Errc::unavailable, "a mailbox was removed meanwhile");
    if (comparison_) {
        compare_some();
        return true;
    }
    if (looked_over_ < boxes_.size()) {
        if (auto done = look_over(*boxes_[looked_over_++]); !done) return done.error();
        return true;
    }
    if (!sorted_) sort_unknown();
    if (auto done = settle_some(); !done) return done.error();
    if (!renamed_.empty() || !unknown_.empty() || !missing_.empty()) return true;
    if (settled_ > 0)
        log::info("store.reconciled", {{"account", account_.id_}, {"unclean", unclean_ ? "yes" : "no"},
                                       {"mailboxes", rooms_.size()}, {"found", count_.unknown}, {"missing", count_.missing},
                                       {"renamed", count_.renamed}});
    return false;
}

// By time within a mailbox, those with a UID from the side file first: new UIDs ascend with their dates. The last is
// settled first.
void Reconciler::sort_unknown() {
    sorted_ = true;
    std::sort(unknown_.begin(), unknown_.end(), [](const Unknown& a, const Unknown& b) {
        const Uid ua = a.side_uid == 0 ? UINT32_MAX : a.side_uid, ub = b.side_uid == 0 ? UINT32_MAX : b.side_uid;
        return std::tie(ua, a.seconds, a.found) > std::tie(ub, b.seconds, b.found);
    });
    count_ = {renamed_.size(), unknown_.size(), missing_.size()};
}

// One transaction. After an unclean stop there is one for everything: no number may be told before all are known.
Result<void> Reconciler::settle_some() {
    std::list<OwnChange> ours;
    for (auto& [box, here] : rooms_) {
        if (unclean_) continue;
        ours.emplace_back(*box);
        here.row = box->row;
        ++here.row.modseq;
        here.changed = false;
    }
    auto done = account_.transact([&](Index& index) { return settle_slice(index); });
    if (!done) return done;
    for (auto& [box, here] : rooms_)
        if (here.changed)
            if (auto shown = show(*box, here); !shown) return shown;
    return {};
}

Result<void> Reconciler::settle_slice(Index& index) {
    for (auto& [box, here] : rooms_)
        if (auto put = put_keywords(index, *box, here); !put) return put;
    const std::size_t end = unclean_ ? SIZE_MAX : settled_ + settled_at_once;
    const std::size_t converted_end = unclean_ ? SIZE_MAX : converted_ + converted_at_once;
    for (; !renamed_.empty() && settled_ < end; renamed_.pop_back(), ++settled_)
        if (auto merged = merge_flags(index, renamed_.back()); !merged) return merged;
    for (; !unknown_.empty() && settled_ < end && converted_ < converted_end; unknown_.pop_back(), ++settled_)
        if (auto settled = settle_unknown(index, unknown_.back()); !settled) return settled;
    for (; !missing_.empty() && unknown_.empty() && settled_ < end; missing_.erase(missing_.begin()), ++settled_)
        if (auto dropped = drop_missing(index, missing_.begin()->first, missing_.begin()->second); !dropped) return dropped;
    for (auto& [box, here] : rooms_)
        if (auto put = put_row(index, *box, here); !put) return put;
    return {};
}

// What is committed is what the sessions see.
Result<void> Reconciler::show(Box& box, Room& here) {
    box.row = here.row;
    account_.touch(box);
    if (unclean_) {
        const Look look = look_at(account_.directory_.get(), box.row.directory);      // our own renames just now
        box.seen.new_modified = look.new_modified;
        box.seen.cur_modified = look.cur_modified;
        if (!box.view) return {};
        auto messages = account_.index_->messages(box.row.id);
        if (!messages) return messages.error();
        box.view->reload(std::move(*messages));
    } else if (box.view) {
        std::sort(here.removed.begin(), here.removed.end());
        box.view->merge(here.added, here.altered, here.removed);
    }
    here.added.clear();
    here.altered.clear();
    here.removed.clear();
    return {};
}

// A rebuilt index has none; their numbers are what the messages' side lines speak in.
Result<void> Reconciler::put_keywords(Index& index, Box& box, Room& here) {
    for (const auto& [number, name] : here.side.keywords) {
        if (number < box.keywords.size() && !box.keywords[number].empty()) continue;
        box.keywords.resize(std::max<std::size_t>(box.keywords.size(), number + 1));
        box.keywords[number] = name;
        if (auto done = index.put_keyword({box.row.id, number, name}); !done) return done;
    }
    return {};
}

// What the name says against what it said last: the other tool's change, put on top of ours.
Result<void> Reconciler::merge_flags(Index& index, const Renamed& one) {
    const auto parsed = parse_file_name(one.found);
    const Flags was = one.message.name_flags & flag::all, theirs = one.in_new_dir ? Flags{0} : parsed->flags;
    const Flags place = one.in_new_dir ? in_new : theirs;
    const RowId id = row_id(one.box->row.id, one.message.uid);
    Folder& folder = one.box->folder;
    auto before = index.message(id);
    if (!before) return before.error();
    if (!*before || (*before)->name_flags != one.message.name_flags || !sys::exists(folder.dir_of(place), one.found)) {
        one.box->look_again = true;
        return {};
    }
    const std::string wanted = file_name(one.base, place);
    if (one.found != wanted)
        if (auto done = sys::rename(folder.dir_of(place), one.found, folder.dir_of(place), wanted); !done) return done;
    Room& here = room(*one.box);
    here.changed = true;
    Message after = **before;
    after.flags = static_cast<Flags>((after.flags | (theirs & ~was)) & ~(was & ~theirs) & flag::all);
    after.name_flags = place;
    if (after.flags != (*before)->flags) {
        after.modseq = here.row.modseq;
        FlagUpdate update;
        update.keep = 0;
        update.set = after.flags;
        update.modseq = after.modseq;
        if (auto done = index.update_flags(id, id, update); !done) return done;
    }
    count_out(here.row, **before);
    count_in(here.row, after);
    here.altered.push_back(after);
    return index.put_name_flags(id, place);
}

Result<void> Reconciler::settle_unknown(Index& index, const Unknown& unknown) {
    auto retained = retain_again(index, unknown);
    if (!retained) return retained.error();
    if (*retained) return {};
    if (!sys::exists(unknown.box->folder.dir_of(unknown.in_new_dir ? in_new : Flags{0}), unknown.found)) {
        unknown.box->look_again = true;
        return {};
    }
    const auto from = missing_.find(unknown.base);
    if (from == missing_.end()) return adopt(index, unknown);
    auto missing = still_missing(index, from->second);
    if (!missing) return missing.error();
    const Missing moved = from->second;
    missing_.erase(from);
    return *missing ? move_here(index, unknown, moved) : adopt(index, unknown);
}

// Its user may have moved or expunged it since the folder was looked at.
Result<bool> Reconciler::still_missing(Index& index, const Missing& missing) {
    auto row = index.message(row_id(missing.box->row.id, missing.message.uid));
    if (!row) return row.error();
    if (!*row) return false;
    auto base = index.base(row_id(missing.box->row.id, missing.message.uid));
    if (!base) return base.error();
    const Flags flags = (*row)->name_flags;
    return !sys::exists(missing.box->folder.dir_of(flags), file_name(*base, flags));
}

Result<bool> Reconciler::retain_again(Index& index, const Unknown& unknown) {
    if (!retained_loaded_) {
        auto rows = index.retained_all();
        if (!rows) return rows.error();
        for (RetainedRow& row : *rows) retained_.emplace(row.base, row);
        retained_loaded_ = true;
    }
    const auto row = retained_.find(unknown.base);
    if (row == retained_.end() || mailbox_of(row->second.id) != unknown.box->row.id) return false;
    if (row->second.moved && !unclean_) return false;       // somebody restored it by hand
    account_.unmoved_ = true;
    if (row->second.moved)
        if (auto done = index.put_retained_moved(row->second.id, false); !done) return done.error();
    return true;
}

Result<Uid> Reconciler::uid_for(Index& index, const Unknown& unknown) {
    Room& here = room(*unknown.box);
    const Uid wanted = unknown.side_uid;
    if (wanted >= here.old_uid_next) {          // the index never gave it to anything
        auto taken = index.message(row_id(unknown.box->row.id, wanted));
        if (!taken) return taken.error();
        if (!*taken) return wanted;
    }
    if (here.row.uid_next == UINT32_MAX) return Error(Errc::no_space, "no UID is left in this mailbox");
    return here.row.uid_next++;
}

Result<void> Reconciler::move_here(Index& index, const Unknown& unknown, const Missing& from) {
    auto uid = uid_for(index, unknown);
    if (!uid) return uid.error();
    const auto parsed = parse_file_name(unknown.found);
    Room& here = room(*unknown.box);
    Room& there = room(*from.box);
    here.changed = there.changed = true;
    Message as = from.message;
    as.uid = *uid;
    as.modseq = here.row.modseq;
    as.name_flags = unknown.in_new_dir ? in_new : parsed->flags;
    if (unknown.box != from.box) as.keywords = 0;           // their numbers mean something else here
    count_out(there.row, from.message);
    count_in(here.row, as);
    there.removed.push_back(from.message.uid);
    here.added.push_back(as);
    const RowId old_id = row_id(from.box->row.id, from.message.uid), id = row_id(unknown.box->row.id, *uid);
    if (auto done = index.renumber(old_id, as, id, there.row.modseq); !done) return done;
    if (parsed->key)
        if (auto done = index.put_delivery(*parsed->key, id); !done) return done;
    Folder& folder = unknown.box->folder;
    const std::string wanted = file_name(unknown.base, as.name_flags);
    if (unknown.found == wanted) return {};
    return sys::rename(folder.dir_of(as.name_flags), unknown.found, folder.dir_of(as.name_flags), wanted);
}

Result<void> Reconciler::adopt(Index& index, const Unknown& unknown) {
    const auto parsed = parse_file_name(unknown.found);
    Folder& folder = unknown.box->folder;
    const Flags place = unknown.in_new_dir ? in_new : parsed->flags;
    auto size = take_over(folder.dir_of(place), unknown.found, *parsed, converted_);
    if (!size) {                                // a link, a FIFO, a directory: not a message, and not ours to remove
        log::warning("store.file.ignored", {{"account", account_.id_}, {"mailbox", unknown.box->row.name},
                                            {"file", unknown.found}, {"error", size.error().message()}});
        return {};
    }
    const std::string wanted = file_name(unknown.base, place);
    if (unknown.found != wanted)
        if (auto done = sys::rename(folder.dir_of(place), unknown.found, folder.dir_of(place), wanted); !done) return done;
    auto uid = uid_for(index, unknown);
    if (!uid) return uid.error();
    Room& here = room(*unknown.box);
    here.changed = true;
    Message m;
    m.uid = *uid;
    m.flags = place & flag::all;
    m.name_flags = place;
    m.modseq = here.row.modseq;
    m.size = *size;
    m.internal_date = unknown.seconds > 0 ? unknown.seconds : account_.context_.now();
    if (const auto side = here.side.messages.find(unknown.base); side != here.side.messages.end()) {
        m.keywords = side->second.keywords;
        m.internal_date = side->second.internal_date;
    }
    const RowId id = row_id(unknown.box->row.id, *uid);
    if (auto done = index.put_message(id, m); !done) return done;
    if (auto done = index.put_file(id, unknown.base); !done) return done;
    count_in(here.row, m);
    here.added.push_back(m);
    if (!parsed->key) return {};
    auto other = index.delivery(*parsed->key);
    if (!other) return other.error();
    if (*other) {                               // a second copy another tool made: the first keeps the key
        auto there = index.message(**other);
        if (!there) return there.error();
        if (*there) return {};
    }
    return index.put_delivery(*parsed->key, id);
}

bool Reconciler::is_retained(const std::string& base) {
    if (!in_retention_) {
        in_retention_.emplace();
        if (auto directory = sys::open_dir(account_.directory_.get(), "retention"))
            if (auto names = list_names(directory->get()))
                for (const std::string& name : *names)
                    if (const auto parsed = parse_file_name(name)) in_retention_->emplace(parsed->base);
    }
    return in_retention_->count(base) != 0;
}

Result<void> Reconciler::drop_missing(Index& index, const std::string& base, const Missing& missing) {
    const bool retained = is_retained(base);
    // DESIGN section 5, rule 8: the message may still be on its way back from the journal.
    if (!retained && !account_.context_.replay_done) {
        missing.box->look_again = true;
        return {};
    }
    auto missing_now = still_missing(index, missing);
    if (!missing_now) return missing_now.error();
    if (!*missing_now) return {};
    Room& here = room(*missing.box);
    here.changed = true;
    const RowId id = row_id(missing.box->row.id, missing.message.uid);
    auto row = index.message(id);
    if (!row) return row.error();
    count_out(here.row, **row);
    here.removed.push_back(missing.message.uid);
    auto done = index.expunge(id, id, here.row.modseq, account_.context_.now(), retained);
    if (!done || !retained) return done;
    return index.put_retained_moved(id, true);
}

// After an unclean stop the counters themselves are in doubt.
Result<void> Reconciler::put_row(Index& index, Box& box, Room& here) {
    if (!here.changed) return {};
    if (unclean_) {
        auto messages = index.messages(box.row.id);
        if (!messages) return messages.error();
        here.row.messages = here.row.unseen = 0;
        here.row.bytes = here.row.checksum = 0;
        for (const Message& m : *messages) count_in(here.row, m);
    }
    return index.put_mailbox(account_.persisted(box, here.row));
}

} // namespace postern::store
