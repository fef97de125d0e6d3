#include "imapd/session/view.h"

#include "imapd/session/reply.h"
#include "libmail/imap/flags.h"

#include <algorithm>

namespace postern::imapd {

View::View(std::shared_ptr<store::Mailbox> mailbox, bool read_only) :
    mailbox_(std::move(mailbox)), read_only_(read_only) {
    claim_recent();
    const auto messages = mailbox_->messages();
    uids_.reserve(messages.size());
    for (const store::Message& message : messages) uids_.push_back(message.uid);
    told_ = mailbox_->highest_modseq();
}

// SELECT takes \Recent away from every later session, EXAMINE only looks (RFC 3501 section 2.3.2).
void View::claim_recent() {
    const store::Uid first = read_only_ ? mailbox_->first_recent() : mailbox_->claim_recent();
    const store::Uid next = mailbox_->uid_next();
    if (first >= next) return;
    if (!recent_.empty() && first <= recent_.back().second)
        recent_.back().second = std::max(recent_.back().second, next);
    else recent_.emplace_back(first, next);
}

bool View::is_recent(store::Uid uid) const {
    if (recent_.empty() || uid < recent_.front().first) return false;
    return std::any_of(recent_.begin(), recent_.end(),
                       [&](const auto& r) { return uid >= r.first && uid < r.second; });
}

std::size_t View::recent() const {
    std::size_t count = 0;
    for (const auto& [first, next] : recent_) count += first_at_least(next) - first_at_least(first);
    return count;
}

std::size_t View::first_at_least(store::Uid uid) const {
    return static_cast<std::size_t>(std::lower_bound(uids_.begin(), uids_.end(), uid) - uids_.begin());
}

std::optional<std::size_t> View::index_of(store::Uid uid) const {
    const std::size_t index = first_at_least(uid);
    if (index == uids_.size() || uids_[index] != uid) return std::nullopt;
    return index;
}

std::optional<IndexRanges> View::resolve(const imap::SequenceSet& set, bool uid) const {
    IndexRanges out;
    const auto count = static_cast<std::uint32_t>(uids_.size());
    // "1:*" of an empty mailbox names nothing and harms nobody.
    if (!uid && set.max_number() > count &&
        !(count == 0 && set.ranges.size() == 1 && set.ranges[0].last == imap::SequenceSet::star))
        return std::nullopt;
    if (uids_.empty()) return out;
    for (const auto& range : set.resolve(uid ? uids_.back() : count)) {
        const IndexRange indexes =
            uid ? IndexRange{first_at_least(range.first),
                             range.last == UINT32_MAX ? uids_.size() : first_at_least(range.last + 1)}
                : IndexRange{range.first - 1U, range.last};
        if (indexes.begin < indexes.end) out.push_back(indexes);
    }
    return out;
}

std::vector<store::Uid> View::uids(const IndexRanges& ranges) const {
    std::vector<store::Uid> out;
    for (const IndexRange& range : ranges)
        out.insert(out.end(), uids_.begin() + static_cast<std::ptrdiff_t>(range.begin),
                   uids_.begin() + static_cast<std::ptrdiff_t>(range.end));
    return out;
}

void View::note_own_change(store::ModSeq before, store::ModSeq after) {
    if (told_ == before) told_ = after;
    else own_.push_back(after);
}

void View::sync(std::string& out, bool expunges_allowed, bool with_uid) {
    auto changes = mailbox_->changes_since(told_);
    if (!changes) {
        // Older than what the store remembers: our list against what is there.
        changes.emplace();
        changes->now = mailbox_->highest_modseq();
        for (const store::Uid uid : uids_)
            if (!mailbox_->find(uid)) changes->expunged.push_back(uid);
        for (const store::Message& message : mailbox_->messages())
            if (message.modseq > told_) changes->changed.push_back(message.uid);
    }
    untold_expunges_.insert(untold_expunges_.end(), changes->expunged.begin(), changes->expunged.end());
    if (expunges_allowed) tell_expunged(out);
    const std::size_t known = uids_.size();
    if (mailbox_->keywords().size() != told_keywords_) append_flags_response(out);
    tell_new(out, changes->changed);
    tell_flags(out, changes->changed, known, with_uid);
    told_ = changes->now;
    own_.clear();
}

// From the last to the first, so that each number is right when it is read, and one pass closes the gaps.
void View::tell_expunged(std::string& out) {
    if (untold_expunges_.empty()) return;
    std::sort(untold_expunges_.begin(), untold_expunges_.end());
    std::vector<std::size_t> gone;
    for (const store::Uid uid : untold_expunges_)
        if (const auto index = index_of(uid); index && (gone.empty() || gone.back() != *index))
            gone.push_back(*index);
    for (auto it = gone.rbegin(); it != gone.rend(); ++it) {
        out.append("* ");
        append_number(out, *it + 1);
        out.append(" EXPUNGE\r\n");
    }
    std::size_t next = 0, kept = 0;
    for (std::size_t i = 0; i < uids_.size(); ++i) {
        if (next < gone.size() && gone[next] == i) ++next;
        else uids_[kept++] = uids_[i];
    }
    uids_.resize(kept);
    untold_expunges_.clear();
}

void View::tell_new(std::string& out, const std::vector<store::Uid>& changed) {
    const std::size_t before = uids_.size();
    const store::Uid last = uids_.empty() ? 0 : uids_.back();
    for (const store::Uid uid : changed)
        if (uid > last) uids_.push_back(uid);
    if (uids_.size() == before) return;
    claim_recent();
    out.append("* ");
    append_number(out, uids_.size());
    out.append(" EXISTS\r\n* ");
    append_number(out, recent());
    out.append(" RECENT\r\n");
}

void View::tell_flags(std::string& out, const std::vector<store::Uid>& changed, std::size_t known, bool with_uid) {
    for (const store::Uid uid : changed) {
        const auto index = index_of(uid);
        const store::Message* message = mailbox_->find(uid);
        if (!index || *index >= known || !message) continue;
        if (std::find(own_.begin(), own_.end(), message->modseq) != own_.end()) continue;
        out.append("* ");
        append_number(out, *index + 1);
        out.append(" FETCH (");
        if (with_uid) {
            out.append("UID ");
            append_number(out, uid);
            out.push_back(' ');
        }
        out.append("FLAGS (");
        append_flags(out, *message, mailbox_->keywords(), is_recent(uid));
        out.append("))\r\n");
    }
}

void View::append_flags_response(std::string& out) {
    told_keywords_ = mailbox_->keywords().size();
    std::string names;
    for (const std::string_view flag : imap::system_flags) names.append(names.empty() ? "" : " ").append(flag);
    for (const std::string& keyword : mailbox_->keywords()) names.append(" ").append(keyword);
    out.append("* FLAGS (").append(names).append(")\r\n");
    const std::string permanent = read_only_ ? "PERMANENTFLAGS ()" : "PERMANENTFLAGS (" + names + " \\*)";
    append_untagged(out, Condition::ok, permanent, "Flags permitted");
}

} // namespace postern::imapd
