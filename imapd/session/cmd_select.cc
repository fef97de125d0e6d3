// SELECT, EXAMINE, UNSELECT: RFC 9051 sections 6.3.2, 6.3.3 and 6.4.2.
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
    examining_ = command.read_only;
    account_->open(info->id, later<std::shared_ptr<store::Mailbox>>(&Session::selected));
}

void Session::selected(const Result<std::shared_ptr<store::Mailbox>>& mailbox) {
    if (!mailbox) return no(mailbox.error());
    view_ = std::make_unique<View>(*mailbox, examining_);
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
    ok(examining_ ? "READ-ONLY" : "READ-WRITE");
}

void Session::handle(const imap::Unselect&) {
    unselect();
    ok();
}

} // namespace postern::imapd
