// "Is this the account's password?", asked by every login of every session.
//
// A right answer is remembered for a minute or two, as an HMAC under a key only this process knows and never as the
// password; the same question asked by many connections at once is computed once. Wrong passwords are computed each
// time: a guess costs the guesser its 20 ms.
#pragma once

#include "authd/any_hash.h"
#include "authd/hash_pool.h"
#include "authd/stored_password.h"
#include "authd/secret.h"
#include "libcommon/ids.h"

#include <array>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace postern::authd {

class Verifier {
  public:
    using Clock = std::chrono::steady_clock;
    using Time = Clock::time_point;
    enum class Answer { right, wrong, unavailable };
    using Done = std::function<void(Answer)>;
    using Password = std::shared_ptr<const Secret>;

    Verifier(HashPool& pool, HashCost cost, std::chrono::milliseconds remember);

    // `stored` is empty for an account without a password, `account` 0 for one that does not exist: both take as
    // long as any other, and are wrong. (A hash that was imported and never used since takes its own time.) `done` is called once, never from inside this call unless remembered.
    // `app_password`: which of the account's it is, 0 for its own; each is remembered for itself.
    void verify(AccountId account, std::string_view stored, Password password, Time now, Done done,
                std::uint64_t app_password = 0);

    // A new hash with today's cost, alone or with every other form of the password. Fails when the queue is full.
    void hash(Password password, std::function<void(Result<std::string>)> done);
    void derive(Password password, std::function<void(Result<StoredPassword>)> done);

    bool needs_rehash(std::string_view stored) const;
    void forget(AccountId account);   // its password or status changed
    unsigned threads() const { return pool_.threads(); }

  private:
    static constexpr std::size_t max_remembered = 100'000;
    using Key = std::array<unsigned char, 32>;
    using Whose = std::pair<AccountId, std::uint64_t>;   // and which app password
    template <class Made, class Work> void compute(Password password, Work work, std::function<void(Result<Made>)> done);
    Key key_of(AccountId account, std::string_view stored, std::string_view password) const;
    bool remembered(const Whose& whose, const Key& key, Time now);
    void finished(const Whose& whose, const Key& key, bool right, Time asked);

    struct Known {
        Key key;
        Time until;
    };
    HashPool& pool_;
    HashCost cost_;
    std::chrono::milliseconds remember_;
    Key secret_{};
    std::string dummy_;                          // a hash nobody knows the password of
    std::map<Whose, Known> known_;               // of each password the last right answer
    std::map<Key, std::vector<Done>> running_;   // who waits for a computation under way
};

} // namespace postern::authd
