// Addresses at other hosts that refused mail as addresses: how often in a row, and which of them get no more for a time, by their
// refusals or by an operator's word. In memory for the question asked before each delivery elsewhere; in the database for the next start.
#pragma once

#include "ipc/suppression.h"
#include "libsql/sqlite.h"

#include <map>
#include <set>

namespace postern::policy {

class Suppressions {
  public:
    struct Settings {
        std::uint32_t after = 0;                 // refusals in a row, or never by itself
        std::int64_t time = 30 * 86'400;         // seconds: how long no mail is sent, and how long a refusal counts
        std::size_t most = 50'000;
    };
    explicit Suppressions(sql::Database& db) : db_(db) {}
    Result<void> load();
    void configure(Settings settings) { settings_ = settings; }

    void refused(const ipc::AddressNote& note, std::int64_t now);
    void taken(std::string_view address, std::int64_t now);
    // By an operator: mail is stopped whatever the address did. Errc::no_space when there are too many.
    Result<void> add(ipc::SuppressionRow row, std::int64_t now);
    bool remove(std::string_view address);

    // No mail goes there now; else nothing.
    const ipc::SuppressionRow* find(std::string_view address, std::int64_t now) const;
    std::vector<ipc::SuppressionRow> page(std::string_view after, std::size_t limit) const;
    std::size_t size() const { return rows_.size(); }
    std::size_t in_force(std::int64_t now) const;

    void expire(std::int64_t now);
    Result<void> write();                        // what changed, together

  private:
    using Rows = std::map<std::string, ipc::SuppressionRow, std::less<>>;
    static bool is_over(const ipc::SuppressionRow& row, std::int64_t now, const Settings& settings);
    bool make_room(std::int64_t now);
    Rows::iterator erase(Rows::iterator at);

    sql::Database& db_;
    Settings settings_;
    Rows rows_;                                  // by address, in lower case
    std::set<std::string, std::less<>> changed_; // newer than the table, or gone
};

} // namespace postern::policy
