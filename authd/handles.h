// Identity handles (DESIGN section 3): a login is answered with 16 random bytes that say nothing and open what they
// stand for.
//
//   state       who may use it                            ends by
//   -----       --------------                            -------
//   fresh       the owner it is for, once (redeem)        redemption; its short life; its front's channel closing
//   session     its own front, and qmgr on its behalf     release; its front's channel closing
//   redeemed    nobody again                              release by the redeemer; the redeemer's channel closing
//
// A login for imapd or api-mail starts fresh; one for smtpd is a session at once, since smtpd itself asks on.
#pragma once

#include "ipc/auth.h"
#include "ipc/channel.h"

#include <chrono>
#include <deque>
#include <optional>
#include <unordered_map>

namespace postern::authd {

class Handles {
  public:
    using Time = std::chrono::steady_clock::time_point;

    Handles(std::chrono::milliseconds life, std::size_t limit) : life_(life), limit_(limit) {}

    // Nothing when the table is full.
    std::optional<Handle> issue(const ipc::Peer& front, AccountId account, ipc::Protocol protocol, Time now);

    // Once, within its life, by an owner of that protocol.
    std::optional<AccountId> redeem(const ipc::Peer& owner, const Handle& handle, ipc::Protocol protocol, Time now);

    // The account of a live session; asked by its own front, or by qmgr, whom smtpd showed it to.
    std::optional<AccountId> session(const ipc::Peer& asker, const Handle& handle) const;

    void release(const ipc::Peer& holder, const Handle& handle);
    void peer_closed(const ipc::Peer& peer);
    void forget(AccountId account);   // disabled, deleted, or a new password
    std::size_t size() const { return entries_.size(); }

  private:
    enum class State : std::uint8_t { fresh, session, redeemed };
    struct Entry {
        ipc::Peer holder;             // the front it was given to, then the owner who redeemed it
        AccountId account = 0;
        ipc::Protocol protocol{};
        State state = State::fresh;
        Time until;                   // of a fresh one
    };
    struct ByRandomness {             // the bytes are random already
        std::size_t operator()(const Handle& handle) const;
    };
    void expire(Time now);

    std::chrono::milliseconds life_;
    std::size_t limit_;
    std::unordered_map<Handle, Entry, ByRandomness> entries_;
    std::deque<std::pair<Time, Handle>> fresh_;   // in order of time: all lives are equally long
};

} // namespace postern::authd
