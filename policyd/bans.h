// Networks that are turned away at connect, each until a time. Kept in memory for the question asked at each connect, and
// in the database for the next start.
#pragma once

#include "ipc/policy.h"
#include "libcommon/trust.h"
#include "libsql/sqlite.h"

#include <map>

namespace postern::policy {

struct Ban {
    Network network;
    std::int64_t since = 0, until = 0;
    std::string by, reason;
};

class Bans {
  public:
    explicit Bans(sql::Database& db) : db_(db) {}
    Result<void> load(std::int64_t now);

    // Replaces one of the same network. invalid: one that must not be banned, or far too many addresses at once.
    Result<void> add(Ban ban, const Trust& trust);
    // Every ban inside the network; how many there were.
    Result<std::size_t> clear(const Network& network);
    void expire(std::int64_t now);

    const Ban* find(const IpAddress& client, std::int64_t now) const;
    std::vector<Ban> page(std::optional<Network> after, std::size_t limit) const;
    std::size_t size() const { return bans_.size(); }

  private:
    void keep(Ban ban);
    Result<void> remove(std::map<Network, Ban>::iterator at);

    sql::Database& db_;
    std::map<Network, Ban> bans_;
    std::map<unsigned, std::size_t> lengths_;    // prefix lengths in use: each is looked up once
};

} // namespace postern::policy
