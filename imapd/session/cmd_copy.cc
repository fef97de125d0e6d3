// COPY and MOVE: RFC 9051 sections 6.4.7 and 6.4.8, COPYUID of section 7.1.
#include "imapd/session/message_walk.h"
#include "imapd/session/session.h"
#include "libmail/imap/sequence_set.h"

namespace postern::imapd {
namespace {

// In the order of copying; ranges where both sides ascend by one (RFC 4315 section 3).
std::string copyuid(const store::Copied& copied) {
    return "COPYUID " + std::to_string(copied.uid_validity) + " " + imap::format_set(copied.source) + " " +
           imap::format_set(copied.target);
}

constexpr std::size_t moved_at_once = 200;

// Each message is moved or not (RFC 6851 section 3.3), the command as a whole need not be: a slice is a transaction.
// What was moved is told even where the rest could not be.
class MoveTask final : public Task {
  public:
    MoveTask(View& view, IndexRanges ranges, store::MailboxId target) :
        view_(view), walk_(view, std::move(ranges)), target_(target) {}

    Progress step(std::string& out) override {
        std::vector<store::Uid> uids;
        for (MessageWalk::Place place; uids.size() < moved_at_once && walk_.next(place);) uids.push_back(place.uid);
        auto moved = view_.mailbox().move(uids, target_);
        if (moved) {
            moved_.uid_validity = moved->uid_validity;
            moved_.source.insert(moved_.source.end(), moved->source.begin(), moved->source.end());
            moved_.target.insert(moved_.target.end(), moved->target.begin(), moved->target.end());
            if (!walk_.at_end()) return Progress::more;
        }
        // Before the EXPUNGEs that sync() writes, so that a client can follow its messages.
        if (!moved_.source.empty()) append_untagged(out, Condition::ok, copyuid(moved_), "Moved");
        return moved ? Progress::done : refuse(moved.error());
    }

  private:
    View& view_;
    MessageWalk walk_;
    store::MailboxId target_;
    store::Copied moved_;
};

} // namespace

void Session::handle(const imap::Copy& command) {
    const auto ranges = resolve(command.set, command.uid);
    if (!ranges) return;
    const auto target = account_->find(command.mailbox);
    if (!target) return no("TRYCREATE", "No such mailbox");
    if (command.move) {
        if (view_->read_only()) return no("READ-ONLY", "Mailbox is read-only");
        return start(std::make_unique<MoveTask>(*view_, *ranges, target->id));
    }
    const auto uids = view_->uids(*ranges);
    if (uids.empty()) return ok();
    view_->mailbox().copy(uids, target->id, later<store::Copied>(&Session::copied));
}

void Session::copied(const Result<store::Copied>& result) {
    if (!result) return no(result.error());
    result->source.empty() ? ok() : ok(copyuid(*result));
}

} // namespace postern::imapd
