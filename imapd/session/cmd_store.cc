// STORE: RFC 9051 section 6.4.6. The change is one transaction; telling its outcome is a task.
#include "imapd/session/message_walk.h"
#include "imapd/session/session.h"

namespace postern::imapd {
namespace {

class TellFlagsTask final : public Task {
  public:
    TellFlagsTask(View& view, IndexRanges ranges, bool uid) :
        view_(view), walk_(view, std::move(ranges)), uid_(uid) {}

    Progress step(std::string& out) override {
        MessageFinder finder(view_.mailbox());
        MessageWalk::Place place;
        for (std::size_t left = 2'000; left > 0 && out.size() < high_water; --left) {
            if (!walk_.next(place)) return Progress::done;
            if (const store::Message* message = finder.find(place.uid)) tell(out, place.index, *message);
        }
        return Progress::more;
    }

  private:
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
    MessageWalk walk_;
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
    const auto uids = view_->uids(*ranges);
    if (uids.empty()) return ok();

    const store::ModSeq before = view_->mailbox().highest_modseq();
    const auto set = view_->mailbox().set_flags(uids, {mode_of(command.mode), command.flags.system, *keywords, {}});
    if (!set) return no(set.error());
    view_->note_own_change(before, set->modseq);
    if (command.silent) return ok();
    if (view_->mailbox().keywords().size() != view_->told_keywords()) view_->append_flags_response(out_);
    start(std::make_unique<TellFlagsTask>(*view_, std::move(*ranges), command.uid));
}

} // namespace postern::imapd
