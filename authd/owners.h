// The imapd that own mailboxes, as far as they are connected: how full a mailbox is, only its owner knows.
#pragma once

#include "authd/uses.h"
#include "ipc/daemon.h"

#include <map>

namespace postern::authd {

class Owners {
  public:
    explicit Owners(Uses& uses) : uses_(uses) {}

    void ready(const ipc::Incoming<ipc::OwnerReady>& in);
    void peer_closed(const ipc::Peer& peer);

    // Has its owner tell `uses` about the account, now and whenever it changes, and keep to these limits; false: nobody to ask.
    bool watch(AccountId account, const ipc::MailboxLimits& limits);
    // The same, and `done` with the answer; without one when nobody is there to give it.
    void ask(AccountId account, const ipc::MailboxLimits& limits, std::function<void(std::optional<ipc::MailboxUse>)> done);

  private:
    struct Owner {
        std::shared_ptr<ipc::Channel> channel;
        std::uint32_t of = 1;
    };
    ipc::Channel* owner_of(AccountId account) const;

    Uses& uses_;
    std::map<std::uint32_t, Owner> owners_;    // by instance
};

} // namespace postern::authd
