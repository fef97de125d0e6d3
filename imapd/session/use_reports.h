// Tells authd how full the mailboxes it watches are: those with a quota that somebody sent mail to. Many changes of a moment
// are one report.
#pragma once

#include "ipc/daemon.h"
#include "ipc/mailbox.h"
#include "libstore/store.h"

#include <set>

namespace postern::imapd {

class UseReports {
  public:
    // `store` is opened later than this is made, because the store tells it of changes.
    UseReports(Loop& loop, ipc::Link& authd, const std::unique_ptr<store::Store>& store)
        : authd_(authd), store_(store), due_(loop, [this] { report(); }) {}

    ipc::UseWatched watch(const ipc::WatchUse& question);   // and keep to the limits it says
    void watch_nobody();                 // an authd that just came up has asked nothing yet
    void changed(AccountId account);     // from inside the store: looks at nothing

  private:
    void report();
    void limit(AccountId id, const ipc::MailboxLimits& limits);
    List<ipc::MailboxUse, ipc::max_uses> uses_of(const std::set<AccountId>& accounts) const;

    ipc::Link& authd_;
    const std::unique_ptr<store::Store>& store_;
    std::set<AccountId> watched_, changed_;
    Timer due_;
};

} // namespace postern::imapd
