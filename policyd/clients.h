// Clients with a history: those who once waited for our greeting, and those whose mail was accepted. Remembered for some
// weeks from when they were last seen; of too many the oldest of the less proven go first.
#pragma once

#include "ipc/policy.h"
#include "libsql/sqlite.h"

#include <map>

namespace postern::policy {

class Clients {
  public:
    struct Settings {
        std::int64_t remember = 45 * 86'400;     // seconds
        std::size_t most = 500'000;
    };
    explicit Clients(sql::Database& db) : db_(db) {}
    void configure(Settings settings) { settings_ = settings; }

    // A database that fails makes nobody a stranger.
    ipc::Standing standing(const std::string& network, std::int64_t now);
    void waited(const std::string& network, std::int64_t now) { note(network, false, now); }
    void brought_mail(const std::string& network, std::int64_t now) { note(network, true, now); }

    Result<void> write();                        // what was noted, together
    Result<void> remove_old(std::int64_t now);   // a bounded piece of what is too old or too much

  private:
    struct Row {
        bool proven = false;
        std::int64_t seen = 0;
    };
    Result<std::optional<Row>> stored(const std::string& network);
    void note(const std::string& network, bool proven, std::int64_t now);

    sql::Database& db_;
    Settings settings_;
    std::map<std::string, Row> noted_;           // newer than the table
};

} // namespace postern::policy
