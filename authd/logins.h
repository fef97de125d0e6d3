// A login, from name and password to a handle; and the handle's redemption.
//
// Unknown name, wrong password, suspended account: one answer, after one computation of the same cost. The log says
// which it was; the client never learns.
#pragma once

#include "authd/accounts.h"
#include "authd/guard.h"
#include "authd/handles.h"
#include "authd/verifier.h"

#include <functional>
#include <set>

namespace postern::authd {

class Logins {
  public:
    using Time = Verifier::Time;
    struct Front {
        ipc::Peer peer;
        std::function<bool()> still_there;   // a handle for a front that went away would never be released
    };
    using Done = std::function<void(const ipc::LoginResult&)>;

    using Later = std::function<void(std::chrono::milliseconds, std::function<void()>)>;

    Logins(Database& db, Verifier& verifier, Handles& handles, Guard& guard, std::function<Time()> clock, Later later);

    void login(Front front, ipc::Login request, Done done);
    ipc::Identity redeem(const ipc::Peer& owner, const ipc::Redeem& request);

    // Times of last logins are collected and written together: no login waits for the disk. A crash forgets a minute.
    void write_last_logins(std::int64_t now);

  private:
    struct Attempt;
    void answered(Attempt attempt, Verifier::Answer answer);
    void refuse(const Attempt& attempt, std::string_view why);
    void accept(const Attempt& attempt);
    void unavailable(const Attempt& attempt, std::string_view why);
    void rehash(const Attempt& attempt);

    Database& db_;
    Verifier& verifier_;
    Handles& handles_;
    Guard& guard_;
    std::function<Time()> clock_;
    Later later_;
    std::set<AccountId> logged_in_;    // since last logins were written
    std::set<AccountId> rehashing_;
};

} // namespace postern::authd
