// STORE: RFC 9051 section 6.4.6. The change goes in slices, a transaction each; then its outcome is told.
#include "imapd/session/message_walk.h"
#include "imapd/session/session.h"

namespace postern::imapd {
namespace {

constexpr std::size_t changed_at_once = 2'000, told_at_once = 2'000;

class StoreTask final : public Task {
  public:
    StoreTask(View& view, const IndexRanges& ranges, const store::FlagChange& change, const imap::Store& command) :
        view_(view), change_(change), changing_(view, ranges), telling_(view, command.silent ? IndexRanges{} : ranges),
        uid_(command.uid) {}

    Progress step(std::string& out) override {
        if (!changing_.at_end()) {
            if (auto done = change_some(); !done) return refuse(done.error());
            if (!changing_.at_end()) return Progress::more;
        }
        MessageFinder finder(view_.mailbox());
        MessageWalk::Place place;
        for (std::size_t left = told_at_once; left > 0 && out.size() < high_water; --left) {
            if (!telling_.next(place)) return Progress::done;
            if (const store::Message* message = finder.find(place.uid)) tell(out, place.index, *message);
        }
        return Progress::more;
    }

  private:
    Result<void> change_some() {
        std::vector<store::Uid> uids;
        for (MessageWalk::Place place; uids.size() < changed_at_once && changing_.next(place);) uids.push_back(place.uid);
        const store::ModSeq before = view_.mailbox().highest_modseq();
        const auto set = view_.mailbox().set_flags(uids, change_);
        if (!set) return set.error();
        view_.note_own_change(before, set->modseq);
        return {};
    }

    void tell(std::string& out, std::size_t index, const store::Message& message) {
        out.append("* ");
        append_number(out, index + 1);
        out.append(" FETCH (");
        if (uid_) {
            out.append("UID ");
            append_number(out, message.uid);
            out.push_back(' ');
        }
        out.append("FLAGS (");
        append_flags(out, message, view_.mailbox().keywords(), view_.is_recent(message.uid));
        out.append("))\r\n");
    }

    View& view_;
    store::FlagChange change_;
    MessageWalk changing_, telling_;
    bool uid_;
};

constexpr store::FlagChange::Mode mode_of(imap::Store::Mode mode) {
    switch (mode) {
    case imap::Store::Mode::add: return store::FlagChange::Mode::add;
    case imap::Store::Mode::remove: return store::FlagChange::Mode::remove;
    case imap::Store::Mode::replace: break;
    }
    return store::FlagChange::Mode::replace;
}

} // namespace

Result<store::Keywords> Session::keywords_of(const imap::FlagList& flags) {
    store::Keywords out = 0;
    for (const std::string& name : flags.keywords) {
        const auto number = view_->mailbox().keyword(name);
        if (!number) return number.error();
        out |= store::Keywords{1} << *number;
    }
    return out;
}

void Session::handle(const imap::Store& command) {
    auto ranges = resolve(command.set, command.uid);
    if (!ranges) return;
    if (view_->read_only()) return no("READ-ONLY", "Mailbox is read-only");
    const auto keywords = keywords_of(command.flags);
    if (!keywords)
        return keywords.error().code() == Errc::no_space ? no("LIMIT", "Too many keywords")
                                                         : no(keywords.error());
    if (!command.silent && view_->mailbox().keywords().size() != view_->told_keywords())
        view_->append_flags_response(out_);
    const store::FlagChange change{mode_of(command.mode), command.flags.system, *keywords, {}};
    start(std::make_unique<StoreTask>(*view_, *ranges, change, command));
}

} // namespace postern::imapd
