// SELECT, EXAMINE, CLOSE, UNSELECT, EXPUNGE: RFC 9051 sections 6.3.2, 6.3.3, 6.4.1 to 6.4.3.
#include "imapd/session/session.h"

#include <algorithm>

namespace postern::imapd {
namespace {

// RFC 3501 section 7.1: the first message without \Seen.
std::optional<std::size_t> first_unseen(View& view) {
    const auto messages = view.mailbox().messages();
    const auto found = std::find_if(messages.begin(), messages.end(),
                                    [](const store::Message& m) { return !m.has(store::flag::seen); });
    return found == messages.end() ? std::nullopt : view.index_of(found->uid);
}

} // namespace

void Session::handle(const imap::Select& command) {
    unselect();                                  // also when the new one cannot be opened (section 6.3.2)
    const auto info = account_->find(command.mailbox);
    if (!info) return no("NONEXISTENT", "No such mailbox");
    auto mailbox = account_->open(info->id);
    if (!mailbox) return no(mailbox.error());

    view_ = std::make_unique<View>(std::move(*mailbox), command.read_only);
    view_->mailbox().observe(*this);
    view_->append_flags_response(out_);
    out_.append("* ");
    append_number(out_, view_->exists());
    out_.append(" EXISTS\r\n* ");
    append_number(out_, view_->recent());
    out_.append(" RECENT\r\n");
    if (const auto unseen = first_unseen(*view_))
        append_untagged(out_, Condition::ok, "UNSEEN " + std::to_string(*unseen + 1), "First unseen message");
    append_untagged(out_, Condition::ok, "UIDVALIDITY " + std::to_string(view_->mailbox().uid_validity()),
                    "UIDs valid");
    append_untagged(out_, Condition::ok, "UIDNEXT " + std::to_string(view_->mailbox().uid_next()),
                    "Predicted next UID");
    ok(command.read_only ? "READ-ONLY" : "READ-WRITE");
}

void Session::handle(const imap::Close&) {       // silent: no EXPUNGE is told
    std::vector<store::Uid> deleted;
    if (!view_->read_only())
        for (const store::Message& message : view_->mailbox().messages())
            if (message.has(store::flag::deleted) && view_->index_of(message.uid)) deleted.push_back(message.uid);
    if (!deleted.empty())
        if (const auto done = view_->mailbox().expunge(deleted); !done) return no(done.error());
    unselect();
    ok();
}

void Session::handle(const imap::Unselect&) {
    unselect();
    ok();
}

void Session::handle(const imap::Expunge& command) {
    if (view_->read_only()) return no("READ-ONLY", "Mailbox is read-only");
    IndexRanges ranges{{0, view_->exists()}};
    if (command.uids) {                          // RFC 4315 section 2.1
        auto resolved = resolve(*command.uids, true);
        if (!resolved) return;
        ranges = std::move(*resolved);
    }
    std::vector<store::Uid> deleted;
    for (const store::Uid uid : view_->uids(ranges))
        if (const auto* message = view_->mailbox().find(uid); message && message->has(store::flag::deleted))
            deleted.push_back(uid);
    if (!deleted.empty())
        if (const auto done = view_->mailbox().expunge(deleted); !done) return no(done.error());
    ok();                                        // sync() tells each EXPUNGE
}

} // namespace postern::imapd
