// What one client knows of its selected mailbox: which UID each sequence number stands for, and up to which change
// it was told. The mailbox itself is always newer; sync() tells the difference when RFC 9051 section 5.5 allows it.
#pragma once

#include "libmail/imap/sequence_set.h"
#include "libstore/store.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace postern::imapd {

// Positions in the client's list of messages, from 0, half open.
struct IndexRange {
    std::size_t begin = 0, end = 0;
    bool operator==(const IndexRange&) const = default;
};
using IndexRanges = std::vector<IndexRange>;

class View {
  public:
    View(std::shared_ptr<store::Mailbox> mailbox, bool read_only);

    store::Mailbox& mailbox() const { return *mailbox_; }
    bool read_only() const { return read_only_; }
    std::size_t exists() const { return uids_.size(); }
    IndexRanges all() const { return exists() == 0 ? IndexRanges{} : IndexRanges{{0, exists()}}; }
    std::size_t recent() const;
    bool is_recent(store::Uid uid) const;
    store::Uid uid_at(std::size_t index) const { return uids_[index]; }
    std::optional<std::size_t> index_of(store::Uid uid) const;
    std::size_t first_at_least(store::Uid uid) const;

    // Nothing: a sequence number beyond the last message (BAD, RFC 9051 section 6.4.5). UIDs that do not
    // exist are fine.
    std::optional<IndexRanges> resolve(const imap::SequenceSet& set, bool uid) const;
    std::vector<store::Uid> uids(const IndexRanges& ranges) const;

    // Writes what changed: EXPUNGE if allowed, EXISTS and RECENT, FLAGS when there are new keywords, FETCH
    // FLAGS. An expunge that may not be told yet is kept.
    void sync(std::string& out, bool expunges_allowed, bool with_uid);

    // Our own flag change, whose answer is written elsewhere: sync() shall not tell it again. `before` is
    // highest_modseq() as it was before the call.
    void note_own_change(store::ModSeq before, store::ModSeq after);

    // "* FLAGS (...)"; sync() writes it too when a keyword came that was not told.
    void append_flags_response(std::string& out);
    std::size_t told_keywords() const { return told_keywords_; }

  private:
    void claim_recent();
    void tell_expunged(std::string& out);
    void tell_new(std::string& out, const std::vector<store::Uid>& changed);
    void tell_flags(std::string& out, const std::vector<store::Uid>& changed, std::size_t known, bool with_uid);

    std::shared_ptr<store::Mailbox> mailbox_;
    bool read_only_;
    std::vector<store::Uid> uids_;
    std::vector<std::pair<store::Uid, store::Uid>> recent_;   // half open, ascending
    store::ModSeq told_ = 0;
    std::vector<store::ModSeq> own_;                          // of changes of ours that sync() has not passed yet
    std::vector<store::Uid> untold_expunges_;
    std::size_t told_keywords_ = 0;
};

} // namespace postern::imapd
