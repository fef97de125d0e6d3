// CLOSE, EXPUNGE, UID EXPUNGE: RFC 9051 sections 6.4.1 and 6.4.3.
#include "imapd/session/message_walk.h"
#include "imapd/session/session.h"

namespace postern::imapd {
namespace {

constexpr std::size_t looked_at = 5'000, expunged_at_once = 250;

// Each slice is a transaction of its own: a crash leaves some of the messages expunged, which the client was not told
// yet and is told when it comes back. Its own EXPUNGE responses are written by sync(), at the end.
class ExpungeTask final : public Task {
  public:
    ExpungeTask(View& view, IndexRanges ranges) : view_(view), walk_(view, std::move(ranges)) {}

    Progress step(std::string&) override {
        std::vector<store::Uid> deleted;
        MessageFinder finder(view_.mailbox());
        MessageWalk::Place place;
        for (std::size_t left = looked_at; left > 0 && deleted.size() < expunged_at_once && walk_.next(place); --left)
            if (const auto* message = finder.find(place.uid); message && message->has(store::flag::deleted))
                deleted.push_back(place.uid);
        if (!deleted.empty())
            if (auto done = view_.mailbox().expunge(deleted); !done) return refuse(done.error());
        return walk_.at_end() ? Progress::done : Progress::more;
    }

  private:
    View& view_;
    MessageWalk walk_;
};

} // namespace

// Silent: with the mailbox left, no EXPUNGE is told.
void Session::handle(const imap::Close&) {
    closing_ = true;
    start(std::make_unique<ExpungeTask>(*view_, view_->read_only() ? IndexRanges{} : view_->all()));
}

void Session::handle(const imap::Expunge& command) {
    if (view_->read_only()) return no("READ-ONLY", "Mailbox is read-only");
    auto ranges = command.uids ? resolve(*command.uids, true) : std::optional(view_->all());    // RFC 4315 section 2.1
    if (!ranges) return;
    start(std::make_unique<ExpungeTask>(*view_, std::move(*ranges)));
}

} // namespace postern::imapd
