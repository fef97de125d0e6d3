// Failed logins: how long their answers wait, and who is locked out of what. authd holds this itself, because it alone knows
// every login of every front and whether it failed; policyd, which fronts ask before there is a login, is told of bans.
//
// Guessing must cost the guesser, never the owner of the account:
//
//   of one client at one account    each answer waits twice as long as the one before; then the client is locked out of it
//   of one client at all accounts   it is banned, unless somebody has logged in from there: an office, an administrator
//   of all clients at one account   answers wait a second more; nobody is locked out
//
// Never locked out: a client from which the account logged in before, and trusted clients (loopback). All of it is soft
// state: an authd that starts again has forgotten failures, and remembers where accounts log in from (accounts.db).
#pragma once

#include "authd/known_sources.h"
#include "libcommon/trust.h"
#include "libcommon/windows.h"

#include <algorithm>
#include <functional>

namespace postern::authd {

class Guard {
  public:
    using Time = Windows::Time;
    struct Settings {
        std::chrono::milliseconds first_delay{500};
        std::uint64_t lockout_failures = 10;             // 0: never
        std::chrono::milliseconds lockout_time = std::chrono::minutes(15);
        std::uint64_t ban_failures = 50;                 // 0: never
        std::chrono::seconds ban_time = std::chrono::hours(1);
        unsigned v6_prefix = 64;
        Trust trust;
    };
    // Who tries what. An account that does not exist is guarded by its name, or the difference would tell that it does not.
    struct Attempt {
        AccountId account = 0;
        std::string_view username;
        std::string_view client;
    };
    struct Ban {
        std::string client;
        std::uint32_t failures = 0;
        std::chrono::seconds duration{};
    };

    explicit Guard(Database& db) : known_(db) {}
    void configure(Settings settings) { settings_ = std::move(settings); }
    void on_ban(std::function<void(const Ban&)> tell) { ban_ = std::move(tell); }

    // Before the password is looked at, and again before it is believed: a hundred guesses at once are still guesses.
    bool locked_out(const Attempt& attempt, Time now);
    // Counts, locks and bans; how long the answer waits.
    std::chrono::milliseconds failed(const Attempt& attempt, Time now);
    std::chrono::milliseconds succeeded(const Attempt& attempt, Time now, std::int64_t wall_seconds);

    // Where logins came from, in the caller's transaction, and that it was committed.
    Result<void> write(std::int64_t now) { return known_.write(now); }
    void written() { known_.written(); }

    // An operator forgives; how many counts and locks there were.
    std::size_t forget(const Network& network);

  private:
    struct Source {
        IpAddress address;
        std::string network;
        bool trusted = true;
    };
    Source source_of(const Attempt& attempt) const;
    static std::string name_of(const Attempt& attempt);
    bool safe(const Attempt& attempt, const Source& source);
    void lock(const std::string& pair, const Attempt& attempt, const Source& source, Time now);
    void consider_ban(const Source& source, Time now);
    Rate window() const { return {std::max<std::uint64_t>(settings_.lockout_failures, 1), settings_.lockout_time}; }
    std::chrono::milliseconds slowdown(const Attempt& attempt, Time now) const;

    static constexpr std::size_t most = 100'000;
    KnownSources known_;
    Settings settings_;
    std::function<void(const Ban&)> ban_;
    Windows pairs_{most}, clients_{most}, accounts_{most};
    std::map<std::string, Time> locked_;
    Time swept_{};
};

} // namespace postern::authd
