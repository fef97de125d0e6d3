// The path of every incoming message: one file made, written and renamed, a row kept in memory until the next
// checkpoint. What is not done here is what makes it fast: no flush, no transaction, no look at a directory.
#include "libstore/account.h"

#include "libcommon/log.h"
#include "libstore/mailbox.h"
#include "libstore/mailbox_name.h"

namespace postern::store {
namespace {

Result<std::uint64_t> size_of(const Delivery& d) {
    if (d.body_file < 0) return std::uint64_t{d.header.size() + d.body.size()};
    auto body = sys::size_of(d.body_file);
    if (!body) return body;
    return d.header.size() + *body;
}

// Compares without trusting sizes alone: after a power cut a file may have its length and not its bytes.
bool holds(int file, const Delivery& d) {
    constexpr std::size_t limit = std::size_t{1} << 32;
    auto have = sys::read_all(file, limit);
    if (!have || !std::string_view(*have).starts_with(d.header)) return false;
    const std::string_view rest = std::string_view(*have).substr(d.header.size());
    if (d.body_file < 0) return rest == d.body;
    auto body = sys::read_all(d.body_file, limit);
    return body && rest == *body;
}

} // namespace

Result<void> LocalAccount::write_file(const Folder& folder, const std::string& base, const Delivery& d, bool sync) {
    const std::string unfinished = unfinished_name(base);
    auto file = sys::create_file(folder.new_dir(), unfinished);
    if (!file && file.error().code() == Errc::exists) {         // of an attempt that failed half-way
        (void)sys::unlink(folder.new_dir(), unfinished);
        file = sys::create_file(folder.new_dir(), unfinished);
    }
    if (!file) return file.error();
    auto done = sys::write_all(file->get(), d.header, d.body_file < 0 ? d.body : std::string_view());
    if (done && d.body_file >= 0) done = sys::copy_all(d.body_file, file->get());
    if (done && sync) done = sys::sync_file(file->get());
    if (done) done = sys::rename(folder.new_dir(), unfinished, folder.new_dir(), base);
    if (!done) {
        (void)sys::unlink(folder.new_dir(), unfinished);
        return done;
    }
    if (context_.sync_each()) {
        context_.keep_for_sync(std::move(*file));
        context_.keep_for_sync(folder.new_for_sync());
    }
    return {};
}

Result<std::optional<LocalAccount::Known>> LocalAccount::find_delivery(const DeliveryKey& key) {
    std::optional<Known> known;
    if (const auto waiting = pending_keys_.find(key); waiting != pending_keys_.end()) {
        for (const NewMessage& fresh : box(mailbox_of(waiting->second))->pending)
            if (fresh.message.uid == uid_of(waiting->second)) known = {waiting->second, true, in_new, fresh.base};
        return known;
    }
    auto id = index_->delivery(key);
    if (!id) return id.error();
    if (!*id) return known;
    auto message = index_->message(**id);
    if (!message) return message.error();
    if (!*message) return std::optional(Known{**id, false, 0, {}});
    auto base = index_->base(**id);
    if (!base) return base.error();
    return std::optional(Known{**id, true, (*message)->name_flags, std::move(*base)});
}

// DESIGN section 5, rules 7 and 8: a replay finds its message, or the tombstone of a user's expunge, and changes
// nothing; unless the file is missing, short or damaged, or was written before a flush that failed: then it is
// written again to a new inode, flushed, and put in its place.
Result<Delivered> LocalAccount::deliver_again(const Known& known, const Delivery& d) {
    if (!known.there) return Delivered{.again = true, .mailbox = {}, .file = {}};
    Box* home = box(mailbox_of(known.id));
    if (!home) return Delivered{.again = true, .mailbox = {}, .file = {}};
    auto there = folder(*home);
    if (!there) return there.error();
    const bool suspect = context_.suspect(id_, d.key);
    if (auto file = open_message(*home, uid_of(known.id), known.name_flags, known.base); file && !suspect)
        if (holds(file->get(), d)) return Delivered{.again = true, .mailbox = {}, .file = {}};
    log::warning("store.delivery.rewritten", {{"account", id_}, {"queue", d.key.id.text()}});
    const OwnChange change(*home);
    std::string name = file_name(known.base, known.name_flags);
    int dir = (*there)->dir_of(known.name_flags);
    if (const auto found = (*there)->search(known.base)) {
        name = found->name;
        dir = (*there)->dir_of(found->name_flags);
    }
    if (auto done = write_file(**there, known.base, d, true); !done) return done.error();
    if (dir != (*there)->new_dir() || name != known.base)
        if (auto done = sys::rename((*there)->new_dir(), known.base, dir, name); !done) return done.error();
    context_.trust(id_, d.key);
    context_.delivered(id_, d.key);
    context_.touched();
    return Delivered{.again = true, .mailbox = {}, .file = {}};
}

Result<Delivered> LocalAccount::deliver(const Delivery& d) {
    auto known = find_delivery(d.key);
    if (damaged_ || (!known && known.error().code() == Errc::corrupt)) {
        if (auto done = recover(); !done) return done.error();
        known = find_delivery(d.key);
    }
    if (!known) return known.error();
    if (*known) return deliver_again(**known, d);

    Box* target = nullptr;
    if (auto name = canonical_mailbox_name(d.mailbox)) target = box(*name);
    if (!target) target = box("INBOX");
    if (target->row.uid_next == UINT32_MAX) return Error(Errc::no_space, "no UID is left in this mailbox");
    auto size = size_of(d);
    if (!size) return size.error();
    if (!takes_delivery()) return Error(Errc::over_quota, "over quota");
    auto there = folder(*target);
    if (!there) return there.error();
    NewMessage fresh{{}, make_base(d.internal_date, unique_text(d.key), context_.options.host, *size), d.key};
    {
        const OwnChange change(*target, OwnChange::Of::only_new);
        if (auto done = write_file(**there, fresh.base, d, false); !done) return done.error();
    }
    Message& m = fresh.message;
    m.uid = target->row.uid_next++;
    m.modseq = ++target->row.modseq;
    m.name_flags = in_new;
    m.size = *size;
    m.internal_date = d.internal_date;
    count_in(target->row, m);
    Delivered placed{.again = false, .mailbox = target->row.name, .file = fresh.base, .uid = m.uid};
    pending_keys_[d.key] = row_id(target->row.id, m.uid);
    target->pending.push_back(std::move(fresh));
    mark_dirty(*target);
    touch(*target);
    context_.delivered(id_, d.key);
    if (!target->view) return placed;
    target->view->add(m);
    if (!target->view->observed()) return placed;
    // Somebody will be told the UID now: it is committed first. A failure is not the delivery's: its file is
    // there, its row is tried again at the checkpoint.
    (void)commit();
    notify(*target);
    return placed;
}

} // namespace postern::store
