// Takes messages of a client's list in order, a batch at a time: how the long commands go through a mailbox.
#pragma once

#include "imapd/session/view.h"

#include <algorithm>

namespace postern::imapd {

class MessageWalk {
  public:
    MessageWalk(const View& view, IndexRanges ranges) : view_(view), ranges_(std::move(ranges)) {
        if (!ranges_.empty()) at_ = ranges_.front().begin;
    }

    struct Place { std::size_t index = 0; store::Uid uid = 0; };
    bool next(Place& place) {
        if (range_ == ranges_.size()) return false;
        place = {at_, view_.uid_at(at_)};
        if (++at_ == ranges_[range_].end && ++range_ < ranges_.size()) at_ = ranges_[range_].begin;
        return true;
    }
    bool at_end() const { return range_ == ranges_.size(); }

  private:
    const View& view_;
    IndexRanges ranges_;
    std::size_t range_ = 0, at_ = 0;
};

// Finds messages in ascending UID order without searching for each. Void once the mailbox is asked for anything
// that is not const.
class MessageFinder {
  public:
    explicit MessageFinder(const store::Mailbox& mailbox) : messages_(mailbox.messages()), at_(messages_.begin()) {}

    const store::Message* find(store::Uid uid) {
        if (at_ != messages_.end() && at_->uid < uid) ++at_;
        if (at_ != messages_.end() && at_->uid != uid)
            at_ = std::lower_bound(messages_.begin(), messages_.end(), uid,
                                   [](const store::Message& m, store::Uid u) { return m.uid < u; });
        return at_ != messages_.end() && at_->uid == uid ? &*at_ : nullptr;
    }

  private:
    std::span<const store::Message> messages_;
    std::span<const store::Message>::iterator at_;
};

} // namespace postern::imapd
