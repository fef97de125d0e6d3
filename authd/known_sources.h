// From where each account logged in before. Whoever guesses its password elsewhere cannot lock its owner out here.
#pragma once

#include "authd/sqlite.h"
#include "libcommon/ids.h"

#include <map>
#include <string>

namespace postern::authd {

class KnownSources {
  public:
    explicit KnownSources(Database& db) : db_(db) {}

    // A database that fails knows everybody: it must lock nobody out.
    bool knows(AccountId account, const std::string& network);
    bool anybody_at(const std::string& network);         // has any account logged in from there?
    void note(AccountId account, const std::string& network, std::int64_t now);

    // Inside the caller's transaction, with other things no login waits for.
    Result<void> write(std::int64_t now);
    void written() { noted_.clear(); }

  private:
    struct Source {
        std::string network;
        AccountId account;
        auto operator<=>(const Source&) const = default;
    };
    bool stored(Rows rows);

    Database& db_;
    std::map<Source, std::int64_t> noted_;               // since the last write
};

} // namespace postern::authd
