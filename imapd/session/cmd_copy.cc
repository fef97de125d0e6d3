// COPY and MOVE: RFC 9051 sections 6.4.7 and 6.4.8, COPYUID of section 7.1.
#include "imapd/session/session.h"

#include "libmail/imap/sequence_set.h"

#include <algorithm>

namespace postern::imapd {
namespace {

// In the order of copying; ranges where both sides ascend by one (RFC 4315 section 3).
std::string copyuid(const store::Copied& copied) {
    return "COPYUID " + std::to_string(copied.uid_validity) + " " + imap::format_set(copied.source) + " " +
           imap::format_set(copied.target);
}

} // namespace

void Session::handle(const imap::Copy& command) {
    const auto ranges = resolve(command.set, command.uid);
    if (!ranges) return;
    const auto target = account_->find(command.mailbox);
    if (!target) return no("TRYCREATE", "No such mailbox");
    if (command.move) return move(*ranges, *target);
    const auto uids = view_->uids(*ranges);
    if (uids.empty()) return ok();
    view_->mailbox().copy(uids, target->id, later<store::Copied>(&Session::copied));
}

void Session::copied(const Result<store::Copied>& result) {
    if (!result) return no(result.error());
    result->source.empty() ? ok() : ok(copyuid(*result));
}

// The new UIDs are told before the EXPUNGEs that sync() writes, so that a client can follow its messages.
void Session::move(const IndexRanges& ranges, const store::MailboxInfo& target) {
    if (view_->read_only()) return no("READ-ONLY", "Mailbox is read-only");
    const auto uids = view_->uids(ranges);
    if (uids.empty()) return ok();
    const auto moved = view_->mailbox().move(uids, target.id);
    if (!moved) return no(moved.error());
    if (!moved->source.empty()) append_untagged(out_, Condition::ok, copyuid(*moved), "Moved");
    ok();
}

} // namespace postern::imapd
