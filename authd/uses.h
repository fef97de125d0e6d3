// How full mailboxes are, as the imapd that owns each says, which is told their limits with the question. Nothing is stored: what is not known, after a restart of ours, is
// asked for when it is first needed and refuses nobody until the answer is there.
//
//   nothing       nobody needed it                                 of() asks
//   watched       its imapd tells every change                     the imapd goes, or could not open the mailbox, or the
//                                                                  limits it was told are others now: of() asks again
//   remembered    that imapd is gone: the last word still counts   of() asks its successor
#pragma once

#include "ipc/mailbox.h"

#include <functional>
#include <optional>
#include <unordered_map>

namespace postern::authd {

class Uses {
  public:
    struct Use {
        std::uint64_t bytes = 0, messages = 0;
    };

    // `ask`: has an imapd watch this account, and hold it to these limits; false where there is none now.
    using Ask = std::function<bool(AccountId, const ipc::MailboxLimits&)>;
    void on_ask(Ask ask) { ask_ = std::move(ask); }

    // Of an account without limits nobody is asked, unless it had some.
    std::optional<Use> of(AccountId account, const ipc::MailboxLimits& limits);
    void set(const ipc::MailboxUse& use);
    void not_watched(AccountId account);
    void owner_gone(std::uint32_t instance, std::uint32_t of);   // it watched accounts with id mod `of` == `instance`

  private:
    struct Entry {
        std::optional<Use> use;
        bool watched = false;
        ipc::MailboxLimits told;
    };

    Ask ask_;
    std::unordered_map<AccountId, Entry> entries_;
};

} // namespace postern::authd
