#include "libstore/mailbox.h"

#include "libcommon/text.h"

#include <algorithm>

namespace postern::store {
namespace {

bool by_uid(const Message& message, Uid uid) { return message.uid < uid; }

// Flags and keywords as a change leaves them.
struct Wanted {
    Flags flags;
    Keywords keywords;
};
Wanted applied(const Message& m, const FlagChange& change) {
    switch (change.mode) {
        case FlagChange::Mode::add: return {static_cast<Flags>(m.flags | change.flags), m.keywords | change.keywords};
        case FlagChange::Mode::remove: return {static_cast<Flags>(m.flags & ~change.flags), m.keywords & ~change.keywords};
        case FlagChange::Mode::replace: break;
    }
    return {change.flags, change.keywords};
}

FlagUpdate update_for(const FlagChange& change, ModSeq modseq) {
    switch (change.mode) {
        case FlagChange::Mode::add: return {flag::all, change.flags, ~Keywords{0}, change.keywords, modseq};
        case FlagChange::Mode::remove:
            return {static_cast<Flags>(flag::all & ~change.flags), 0, ~change.keywords, 0, modseq};
        case FlagChange::Mode::replace: break;
    }
    return {0, change.flags, 0, change.keywords, modseq};
}

// A file in new/ has no flags in its name and needs none until it has some.
bool name_is_stale(const Message& m) {
    return (m.name_flags & in_new) != 0 ? m.flags != 0 : m.name_flags != m.flags;
}

constexpr std::size_t max_uncommitted_cache = 512;

} // namespace

LocalMailbox::LocalMailbox(LocalAccount& account, Box& box, std::vector<Message> messages)
    : account_(account), id_(box.row.id), box_(&box), messages_(std::move(messages)) {
    collect_stale_names();
}

void LocalMailbox::collect_stale_names() {
    stale_names_.clear();
    for (const Message& m : messages_)
        if (name_is_stale(m)) stale_names_.push_back(m.uid);
}

const std::string& LocalMailbox::name() const {
    static const std::string none;
    return box_ ? box_->row.name : none;
}
std::uint32_t LocalMailbox::uid_validity() const { return box_ ? box_->row.uid_validity : 0; }
Uid LocalMailbox::uid_next() const { return box_ ? box_->row.uid_next : 1; }
ModSeq LocalMailbox::highest_modseq() const { return box_ ? box_->row.modseq : 1; }
Uid LocalMailbox::first_recent() const { return box_ ? box_->row.first_recent : 1; }

Uid LocalMailbox::claim_recent() {
    if (!box_) return 1;
    const Uid first = box_->row.first_recent;
    if (first != box_->row.uid_next) {
        box_->row.first_recent = box_->row.uid_next;
        account_.mark_dirty(*box_);
    }
    return first;
}

const Message* LocalMailbox::find(Uid uid) const {
    const auto at = std::lower_bound(messages_.begin(), messages_.end(), uid, by_uid);
    return at != messages_.end() && at->uid == uid ? &*at : nullptr;
}

Message* LocalMailbox::find_mutable(Uid uid) { return const_cast<Message*>(find(uid)); }

const std::vector<std::string>& LocalMailbox::keywords() const {
    static const std::vector<std::string> none;
    return box_ ? box_->keywords : none;
}

std::optional<unsigned> LocalMailbox::find_keyword(std::string_view name) const {
    const auto& all = keywords();
    for (unsigned n = 0; n < all.size(); ++n)
        if (iequals(all[n], name)) return n;
    return std::nullopt;
}

Result<unsigned> LocalMailbox::keyword(std::string_view name) {
    if (!box_) return gone();
    return account_.keyword(*box_, name);
}

// --- Who watches -----------------------------------------------------------------------------------------------

void LocalMailbox::observe(Observer& observer) { observers_.push_back(&observer); }
void LocalMailbox::forget(Observer& observer) { std::erase(observers_, &observer); }

void LocalMailbox::changed() {
    const auto told = observers_;       // one may forget() while it is told
    for (Observer* observer : told) observer->mailbox_changed(*this);
}

void LocalMailbox::detach() {
    if (!box_) return;
    box_ = nullptr;
    const auto told = std::exchange(observers_, {});
    for (Observer* observer : told) observer->mailbox_gone(*this);
}

void LocalMailbox::reload(std::vector<Message> messages) {
    messages_ = std::move(messages);
    collect_stale_names();
    changed();
}

void LocalMailbox::merge(std::span<const Message> added, std::span<const Message> altered, std::span<const Uid> removed) {
    for (const Message& m : altered)
        if (Message* old = find_mutable(m.uid)) *old = m;
    if (!removed.empty()) erase(removed);
    messages_.insert(messages_.end(), added.begin(), added.end());
    if (!altered.empty() || !added.empty()) collect_stale_names();
    changed();
}

std::optional<Changes> LocalMailbox::changes_since(ModSeq since) const {
    if (!box_) return std::nullopt;
    Changes changes;
    changes.now = box_->row.modseq;
    if (since >= changes.now) return changes;
    if (since < box_->row.forgotten) return std::nullopt;
    for (const Message& m : messages_)
        if (m.modseq > since) changes.changed.push_back(m.uid);
    auto expunged = account_.index_->expunged_since(id_, since);
    if (!expunged) return std::nullopt;
    changes.expunged = std::move(*expunged);
    return changes;
}

// --- Choosing messages -----------------------------------------------------------------------------------------

std::vector<const Message*> LocalMailbox::select(std::span<const Uid> uids) const {
    std::vector<const Message*> chosen;
    chosen.reserve(std::min(uids.size(), messages_.size()));
    auto at = messages_.begin();
    for (const Uid uid : uids) {
        if (at == messages_.end()) break;
        if (at->uid < uid) at = std::lower_bound(at, messages_.end(), uid, by_uid);
        if (at != messages_.end() && at->uid == uid) chosen.push_back(&*at++);
    }
    return chosen;
}

// One SQL statement per run: flagging a whole mailbox is one statement, whatever its size.
template <class Run> Result<void> LocalMailbox::each_run(std::span<const Message* const> chosen, Run&& run) {
    for (std::size_t i = 0; i < chosen.size();) {
        std::size_t end = i + 1;
        while (end < chosen.size() && chosen[end] == chosen[end - 1] + 1) ++end;
        if (auto done = run(chosen[i]->uid, chosen[end - 1]->uid); !done) return done;
        i = end;
    }
    return {};
}

void LocalMailbox::erase(std::span<const Uid> sorted) {
    auto next = sorted.begin();
    std::erase_if(messages_, [&](const Message& m) {
        while (next != sorted.end() && *next < m.uid) ++next;
        return next != sorted.end() && *next == m.uid;
    });
    for (const Uid uid : sorted) uncommitted_cache_.erase(uid);
}

// --- Flags -----------------------------------------------------------------------------------------------------

Result<FlagsSet> LocalMailbox::set_flags(std::span<const Uid> uids, const FlagChange& change) {
    if (!box_) return gone();
    FlagsSet result;
    result.modseq = box_->row.modseq;
    std::vector<const Message*> changing;
    for (const Message* m : select(uids)) {
        if (change.unchanged_since && m->modseq > *change.unchanged_since) {
            result.refused.push_back(m->uid);
            continue;
        }
        const Wanted wanted = applied(*m, change);
        if (wanted.flags != m->flags || wanted.keywords != m->keywords) changing.push_back(m);
    }
    if (changing.empty()) return result;

    MailboxRow row = box_->row;
    result.modseq = ++row.modseq;
    for (const Message* m : changing) {
        count_out(row, *m);
        Message after = *m;
        const Wanted wanted = applied(*m, change);
        after.flags = wanted.flags;
        after.keywords = wanted.keywords;
        after.modseq = row.modseq;
        count_in(row, after);
        result.changed.push_back(m->uid);
    }
    const FlagUpdate update = update_for(change, row.modseq);
    auto done = account_.transact([&](Index& index) -> Result<void> {
        auto runs = each_run(changing, [&](Uid first, Uid last) {
            return index.update_flags(row_id(id_, first), row_id(id_, last), update);
        });
        if (!runs) return runs;
        return index.put_mailbox(account_.persisted(*box_, row));
    });
    if (!done) return done.error();
    for (const Message* chosen : changing) {
        Message& m = const_cast<Message&>(*chosen);
        const Wanted wanted = applied(m, change);
        const bool was_stale = name_is_stale(m);
        m.flags = wanted.flags;
        m.keywords = wanted.keywords;
        m.modseq = row.modseq;
        if (!was_stale && name_is_stale(m)) stale_names_.push_back(m.uid);
    }
    box_->row = row;
    account_.touch(*box_);
    changed();
    return result;
}

// --- Expunge ---------------------------------------------------------------------------------------------------

Result<std::vector<Uid>> LocalMailbox::expunge(std::span<const Uid> uids) {
    if (!box_) return gone();
    const auto chosen = select(uids);
    std::vector<Uid> expunged;
    if (chosen.empty()) return expunged;
    MailboxRow row = box_->row;
    ++row.modseq;
    for (const Message* m : chosen) {
        count_out(row, *m);
        expunged.push_back(m->uid);
    }
    auto done = account_.transact([&](Index& index) -> Result<void> {
        auto runs = each_run(chosen, [&](Uid first, Uid last) {
            return index.expunge(row_id(id_, first), row_id(id_, last), row.modseq, account_.context_.now(), true);
        });
        if (!runs) return runs;
        return index.put_mailbox(account_.persisted(*box_, row));
    });
    if (!done) return done.error();
    erase(expunged);
    box_->row = row;
    account_.unmoved_ = true;
    account_.touch(*box_);
    changed();
    return expunged;
}

// --- Move ------------------------------------------------------------------------------------------------------

struct LocalMailbox::Moving {
    std::vector<Message> messages;      // as they were here
    std::vector<std::string> bases;
};

// Files first. One that is not there any more belongs to another tool now: it is passed over.
Result<LocalMailbox::Moving> LocalMailbox::rename_files(std::span<const Message* const> chosen, Box& target) {
    Moving moving;
    auto from = account_.folder(*box_), to = account_.folder(target);
    if (!from) return from.error();
    if (!to) return to.error();
    const OwnChange here(*box_), there(target);
    for (const Message* m : chosen) {
        auto base = account_.base_of(*box_, m->uid);
        if (!base) return base.error();
        if (&target != box_) {
            auto renamed = rename_message(**from, m->name_flags, **to, m->name_flags, *base);
            if (!renamed && renamed.error().code() == Errc::not_found) {
                box_->look_again = true;
                continue;
            }
            if (!renamed) {
                rename_back(moving, target);
                return renamed.error();
            }
        }
        moving.messages.push_back(*m);
        moving.bases.push_back(std::move(*base));
    }
    return moving;
}

void LocalMailbox::rename_back(const Moving& moving, Box& target) {
    if (&target == box_) return;
    const OwnChange here(*box_), there(target);
    for (std::size_t i = 0; i < moving.messages.size(); ++i) {
        const Flags flags = moving.messages[i].name_flags;
        (void)rename_message(target.folder, flags, box_->folder, flags, moving.bases[i]);
    }
}

Result<Copied> LocalMailbox::move(std::span<const Uid> uids, MailboxId target_id) {
    if (!box_) return gone();
    Box* target = account_.box(target_id);
    if (!target) return Error(Errc::not_found, "no such mailbox");
    if (auto done = account_.commit(); !done) return done.error();
    if (!box_) return gone();
    auto moving = rename_files(select(uids), *target);
    if (!moving) return moving.error();
    Copied copied;
    copied.uid_validity = target->row.uid_validity;
    if (moving->messages.empty()) return copied;

    std::vector<Message> arrived = moving->messages;
    for (Message& m : arrived) m.keywords = account_.translate_keywords(*box_, m.keywords, *target);
    const bool same = target == box_;
    MailboxRow from_row = box_->row, to_row = target->row;
    MailboxRow& to = same ? from_row : to_row;
    const ModSeq from_modseq = ++from_row.modseq;
    if (!same) ++to_row.modseq;
    for (std::size_t i = 0; i < arrived.size(); ++i) {
        copied.source.push_back(moving->messages[i].uid);
        count_out(from_row, moving->messages[i]);
        arrived[i].uid = to.uid_next++;
        arrived[i].modseq = to.modseq;
        count_in(to, arrived[i]);
        copied.target.push_back(arrived[i].uid);
    }
    auto done = account_.transact([&](Index& index) -> Result<void> {
        for (std::size_t i = 0; i < arrived.size(); ++i) {
            const RowId id = row_id(target_id, arrived[i].uid);
            if (auto put = index.renumber(row_id(id_, copied.source[i]), arrived[i], id, from_modseq); !put) return put;
            const auto name = parse_file_name(moving->bases[i]);
            if (!name || !name->key) continue;
            if (auto put = index.put_delivery(*name->key, id); !put) return put;
        }
        if (auto put = index.put_mailbox(account_.persisted(*box_, from_row)); !put || same) return put;
        return index.put_mailbox(account_.persisted(*target, to_row));
    });
    if (!done) {
        rename_back(*moving, *target);
        return done.error();
    }
    erase(copied.source);
    box_->row = from_row;
    if (!same) target->row = to_row;
    for (const Message& m : arrived) {
        account_.touch(*target);
        if (target->view) target->view->add(m);
    }
    account_.touch(*box_);
    if (target->view) target->view->collect_stale_names();
    if (!same) account_.notify(*target);
    changed();
    return copied;
}

// --- Bodies ----------------------------------------------------------------------------------------------------

Result<Body> LocalMailbox::open_body(Uid uid) {
    if (!box_) return gone();
    Result<Fd> file = Error(Errc::not_found, "no such message");
    if (const Message* m = find(uid)) {
        auto base = account_.base_of(*box_, uid);
        if (!base) return base.error();
        file = account_.open_message(*box_, uid, m->name_flags, *base);
    } else {
        file = account_.open_retained(*box_, uid);      // a session that was not told of the expunge yet
    }
    if (!file) return file.error();
    auto size = sys::size_of(file->get());
    if (!size) return size.error();
    return Body{std::move(*file), *size};
}

// --- Cached texts ----------------------------------------------------------------------------------------------

Result<void> LocalMailbox::write_cache() {
    if (uncommitted_cache_.empty() || !box_) return {};
    auto done = account_.transact([&](Index& index) -> Result<void> {
        for (const auto& [uid, texts] : uncommitted_cache_)
            if (auto put = index.put_cached(row_id(id_, uid), texts); !put) return put;
        return {};
    });
    uncommitted_cache_.clear();         // also after a failure: it is computed again
    return done;
}

void LocalMailbox::cache(Uid uid, Cached texts) {
    if (!box_ || !find(uid)) return;
    uncommitted_cache_[uid] = std::move(texts);
    if (uncommitted_cache_.size() >= max_uncommitted_cache) (void)write_cache();
}

Result<void> LocalMailbox::cached(std::span<const Uid> uids, const std::function<bool(Uid, Cached&)>& each) const {
    if (!box_) return gone();
    if (uids.empty()) return {};
    if (auto done = const_cast<LocalMailbox*>(this)->write_cache(); !done) return done;
    // A walk along the table where most of the range is wanted, single look-ups where little is.
    const Uid first = uids.front(), last = uids.back();
    const auto begin = std::lower_bound(messages_.begin(), messages_.end(), first, by_uid);
    const auto end = std::lower_bound(begin, messages_.end(), last, by_uid);
    if (static_cast<std::size_t>(end - begin) <= 4 * uids.size()) {
        auto next = uids.begin();
        return account_.index_->cached(row_id(id_, first), row_id(id_, last), [&](Uid uid, Cached& texts) {
            while (next != uids.end() && *next < uid) ++next;
            return next != uids.end() && (*next != uid || each(uid, texts));
        });
    }
    bool more = true;
    for (const Uid uid : uids) {
        auto done = account_.index_->cached(row_id(id_, uid), row_id(id_, uid), [&](Uid found, Cached& texts) {
            return more = each(found, texts);
        });
        if (!done || !more) return done;
    }
    return {};
}

} // namespace postern::store
