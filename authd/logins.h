// A login, from name and password, or from a proof (sasl.h), to a handle; and the handle's redemption.
//
// Unknown name, wrong password, suspended account: one answer, after one computation of the same cost. The log says
// which it was; the client never learns.
#pragma once

#include "authd/accounts.h"
#include "authd/app_password.h"
#include "authd/guard.h"
#include "authd/handles.h"
#include "authd/verifier.h"

#include <functional>
#include <set>
#include <variant>

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

    // `wall`: seconds since the epoch, for what expires on a day.
    Logins(Database& db, Verifier& verifier, Handles& handles, Guard& guard, std::function<Time()> clock,
           std::function<std::int64_t()> wall, Later later);

    void login(Front front, ipc::Login request, Done done);

    // The end of an exchange that took several steps (sasl.h); `request` without its password, `account` as it was when
    // the proof was asked for.
    struct Proven {};
    struct Denied { std::string_view why; };
    struct Unavailable { std::string why; };
    using Outcome = std::variant<Proven, Denied, Unavailable>;
    void conclude(Front front, ipc::Login request, LoginAccount account, const Outcome& outcome, Done done);

    // Whom the request names, if it names itself only; id 0: nobody.
    Result<LoginAccount> account_of(const ipc::Login& request);

    ipc::Identity redeem(const ipc::Peer& owner, const ipc::Redeem& request);

    // Times of last logins are collected and written together: no login waits for the disk. A crash forgets a minute.
    void write_last_logins(std::int64_t now);

  private:
    struct Attempt;
    void verify(Attempt attempt);
    void answered(Attempt attempt, Verifier::Answer answer);
    void admit(const Attempt& attempt);
    std::string_view app_password_refusal(const Attempt& attempt, const AppPassword& now) const;
    void refuse(const Attempt& attempt, std::string_view why);
    void accept(const Attempt& attempt);
    void unavailable(const Attempt& attempt, std::string_view why);
    bool wants_new_forms(const Attempt& attempt) const;
    void store_new_forms(const Attempt& attempt);

    Database& db_;
    Verifier& verifier_;
    Handles& handles_;
    Guard& guard_;
    std::function<Time()> clock_;
    std::function<std::int64_t()> wall_;
    Later later_;
    std::set<AccountId> logged_in_;    // since last logins were written
    std::set<std::uint64_t> used_;     // app passwords, likewise
    std::set<AccountId> rehashing_;
};

} // namespace postern::authd
