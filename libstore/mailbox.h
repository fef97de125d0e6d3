// A mailbox that somebody has open: its messages in memory.
#pragma once

#include "libstore/account.h"

namespace postern::store {

class LocalMailbox final : public Mailbox {
  public:
    LocalMailbox(LocalAccount& account, Box& box, std::vector<Message> messages);

    MailboxId id() const override { return id_; }
    const std::string& name() const override;
    std::uint32_t uid_validity() const override;
    Uid uid_next() const override;
    ModSeq highest_modseq() const override;
    std::span<const Message> messages() const override { return messages_; }
    const Message* find(Uid uid) const override;
    Uid first_recent() const override;
    Uid claim_recent() override;
    const std::vector<std::string>& keywords() const override;
    std::optional<unsigned> find_keyword(std::string_view name) const override;
    Result<unsigned> keyword(std::string_view name) override;
    void observe(Observer& observer) override;
    void forget(Observer& observer) override;
    std::optional<Changes> changes_since(ModSeq since) const override;
    Result<FlagsSet> set_flags(std::span<const Uid> uids, const FlagChange& change) override;
    Result<std::vector<Uid>> expunge(std::span<const Uid> uids) override;
    Result<Copied> move(std::span<const Uid> uids, MailboxId target) override;
    void copy(std::span<const Uid> uids, MailboxId target, std::function<void(Result<Copied>)> done) override;
    Result<Body> open_body(Uid uid) override;
    Result<void> cached(std::span<const Uid> uids, const std::function<bool(Uid, Cached&)>& each) const override;
    void cache(Uid uid, Cached texts) override;

    bool observed() const { return !observers_.empty(); }
    void add(const Message& message) { messages_.push_back(message); }
    void reload(std::vector<Message> messages);
    void merge(std::span<const Message> added, std::span<const Message> altered, std::span<const Uid> removed);   // ascending
    void changed();                                     // tells the observers
    void detach();                                      // the mailbox is gone
    Result<void> write_cache();

    // UIDs whose names do not say their flags yet.
    std::vector<Uid>& stale_names() { return stale_names_; }
    Message* find_mutable(Uid uid);

  private:
    friend class LocalAccount;
    struct Moving;
    class Copying;

    std::vector<const Message*> select(std::span<const Uid> uids) const;
    void erase(std::span<const Uid> sorted);
    void collect_stale_names();
    // Calls back with the first and last UID of each run of chosen messages that are neighbours in the mailbox.
    template <class Run> static Result<void> each_run(std::span<const Message* const> chosen, Run&& run);
    Result<Moving> rename_files(std::span<const Message* const> chosen, Box& target);
    void rename_back(const Moving& moving, Box& target);
    Error gone() const { return Error(Errc::closed, "the mailbox is gone"); }

    LocalAccount& account_;
    MailboxId id_;
    Box* box_;                                          // null once the mailbox is gone
    std::vector<Message> messages_;
    std::vector<Observer*> observers_;
    std::vector<Uid> stale_names_;
    std::map<Uid, Cached> uncommitted_cache_;
};

} // namespace postern::store
