// The exchanges that run: from a front's SaslStart to the result of the login. Bounded: `max_of_peer` of each front, beyond
// which its oldest goes; a minute of life; and none outlives its front's channel.
//
// A name nobody has goes through the same steps as any other, with a salt that is always the same for it, as RFC 5802
// section 5.1 recommends: it comes from a secret of this server.
#pragma once

#include "authd/exchange.h"
#include "authd/logins.h"

#include <map>
#include <memory>

namespace postern::authd {

class Sasl {
  public:
    using Done = std::function<void(const ipc::SaslReply&)>;
    using Time = Logins::Time;
    static constexpr std::size_t max_of_peer = 4'096;
    static constexpr std::chrono::seconds life{60};

    // `hostname`: in CRAM-MD5's challenge.
    Sasl(Database& db, Logins& logins, std::string hostname, std::function<Time()> clock)
        : db_(db), logins_(logins), hostname_(std::move(hostname)), clock_(std::move(clock)) {}

    void start(Logins::Front front, ipc::SaslStart request, Done done);
    void step(const Logins::Front& front, const ipc::SaslStep& request, const Done& done);
    void abort(const ipc::Peer& peer, std::uint64_t attempt);
    void peer_closed(const ipc::Peer& peer);
    void expire();
    std::size_t size() const;

  private:
    struct Attempt {
        std::unique_ptr<Exchange> exchange;
        ipc::Login request;          // without a password
        LoginAccount account;        // once the client has said its name; id 0: there is none
        Time begun;
    };
    using Attempts = std::map<std::uint64_t, std::shared_ptr<Attempt>>;   // the oldest first

    std::unique_ptr<Exchange> make_exchange(const ipc::SaslStart& request, Attempt& attempt);
    Result<std::string> find(Attempt& attempt, std::string_view username, std::string_view authorization);
    void advance(const Logins::Front& front, std::uint64_t id, const std::shared_ptr<Attempt>& attempt,
                 std::string_view response, const Done& done);

    Database& db_;
    Logins& logins_;
    std::string hostname_;
    std::function<Time()> clock_;
    std::uint64_t last_id_ = 0;
    std::map<ipc::Peer, Attempts> attempts_;
};

} // namespace postern::authd
