// policies.db: the policies of domains, from when they are fetched until they expire. Losing it makes the next message to each domain
// the first one again, which is when a policy can be withheld (RFC 8461 section 10.2): so it is kept over restarts, and no more than that.
#pragma once

#include "libsql/sqlite.h"
#include "tlspolicyd/sts/policy.h"

#include <optional>

namespace postern::sts {

// Times are seconds since the epoch.
struct Entry {
    Policy policy;
    std::string id;                          // of the record it was fetched under
    std::int64_t fetched = 0, expires = 0;
    std::int64_t used = 0;                   // when somebody asked last, to a day
    std::int64_t renewal = 0;                // when it is to be fetched again by itself
};

Result<sql::Database> open_policies(const std::filesystem::path& file);

class Store {
  public:
    explicit Store(sql::Database& db) : db_(db) {}

    Result<std::optional<Entry>> find(const std::string& domain);
    Result<void> put(const std::string& domain, const Entry& entry);
    Result<void> note_use(const std::string& domain, std::int64_t now);
    Result<void> postpone(const std::string& domain, std::int64_t renewal);
    // Some of those whose renewal has come, that have not expired and were asked for lately; who waits longest comes first.
    Result<std::vector<std::string>> due(std::int64_t now, std::int64_t used_after, std::size_t limit);
    // A bounded piece of what has expired, and of those used least lately where there are more than `most`. How many are left.
    Result<std::size_t> tidy(std::int64_t now, std::size_t most);

  private:
    sql::Database& db_;
};

} // namespace postern::sts
