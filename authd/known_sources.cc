#include "authd/known_sources.h"

namespace postern::authd {
namespace {

constexpr std::int64_t remembered = 90 * 86'400;
constexpr int most_per_account = 64;                     // a phone on the move has many

} // namespace

bool KnownSources::stored(Rows rows) { return rows.next() || rows.failed(); }

bool KnownSources::knows(AccountId account, const std::string& network) {
    if (noted_.count({network, account}) != 0) return true;
    return stored(db_.query("SELECT 1 FROM known_sources WHERE account = ? AND network = ?", account, std::string_view(network)));
}

bool KnownSources::anybody_at(const std::string& network) {
    if (const auto at = noted_.lower_bound({network, 0}); at != noted_.end() && at->first.network == network) return true;
    return stored(db_.query("SELECT 1 FROM known_sources WHERE network = ? LIMIT 1", std::string_view(network)));
}

void KnownSources::note(AccountId account, const std::string& network, std::int64_t now) { noted_[{network, account}] = now; }

Result<void> KnownSources::write(std::int64_t now) {
    for (const auto& [source, seen] : noted_) {
        // The account may be gone since.
        auto put = db_.run("INSERT INTO known_sources (account, network, seen) SELECT id, ?, ? FROM accounts WHERE id = ? "
                           "ON CONFLICT (account, network) DO UPDATE SET seen = excluded.seen",
                           std::string_view(source.network), seen, source.account);
        if (!put) return put;
        put = db_.run("DELETE FROM known_sources WHERE account = ? AND network NOT IN "
                      "(SELECT network FROM known_sources WHERE account = ? ORDER BY seen DESC LIMIT ?)",
                      source.account, source.account, most_per_account);
        if (!put) return put;
    }
    return db_.run("DELETE FROM known_sources WHERE seen < ?", now - remembered);
}

} // namespace postern::authd
