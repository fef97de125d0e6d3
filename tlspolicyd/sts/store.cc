#include "tlspolicyd/sts/store.h"

#include "libcommon/text.h"
#include "libsql/disposable.h"

#include <algorithm>

namespace postern::sts {
namespace {

constexpr const char* tables = R"sql(
CREATE TABLE IF NOT EXISTS policies (
    domain  TEXT PRIMARY KEY,
    id      TEXT NOT NULL,
    mode    INTEGER NOT NULL CHECK (mode BETWEEN 0 AND 2),
    mx      TEXT NOT NULL,
    max_age INTEGER NOT NULL,
    fetched INTEGER NOT NULL,
    expires INTEGER NOT NULL,
    used    INTEGER NOT NULL,
    renewal INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS policies_by_end ON policies(expires);
CREATE INDEX IF NOT EXISTS policies_by_use ON policies(used);
CREATE INDEX IF NOT EXISTS policies_by_renewal ON policies(renewal);
)sql";

constexpr std::int64_t a_day = 86'400;
constexpr int piece = 500;                   // rows removed at a time: nobody waits for it

std::string joined(const std::vector<std::string>& patterns) {
    std::string text;
    for (const std::string& pattern : patterns) text += (text.empty() ? "" : " ") + pattern;
    return text;
}

std::vector<std::string> parted(std::string_view text) {
    std::vector<std::string> patterns;
    if (text.empty()) return patterns;
    for (const std::string_view pattern : split(text, ' ')) patterns.emplace_back(pattern);
    return patterns;
}

} // namespace

Result<sql::Database> open_policies(const std::filesystem::path& file) {
    return sql::open_disposable(file, tables, "tlspolicyd.database.damaged");
}

Result<std::optional<Entry>> Store::find(const std::string& domain) {
    sql::Rows rows = db_.query("SELECT id, mode, mx, max_age, fetched, expires, used, renewal FROM policies WHERE domain = ?", std::string_view(domain));
    std::optional<Entry> entry;
    if (rows.next())
        entry = Entry{{static_cast<ipc::StsMode>(rows.number(1)), parted(rows.text(2)), rows.number(3)},
                      std::string(rows.text(0)), rows.number(4), rows.number(5), rows.number(6), rows.number(7)};
    if (auto failed = rows.failed()) return *failed;
    return entry;
}

Result<void> Store::put(const std::string& domain, const Entry& entry) {
    return db_.run("INSERT OR REPLACE INTO policies (domain, id, mode, mx, max_age, fetched, expires, used, renewal) "
                   "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                   std::string_view(domain), std::string_view(entry.id), static_cast<int>(entry.policy.mode),
                   std::string_view(joined(entry.policy.mx)), entry.policy.max_age, entry.fetched, entry.expires, entry.used, entry.renewal);
}

Result<void> Store::note_use(const std::string& domain, std::int64_t now) {
    return db_.run("UPDATE policies SET used = ? WHERE domain = ? AND used < ?", now, std::string_view(domain), now - a_day);
}

Result<void> Store::postpone(const std::string& domain, std::int64_t renewal) {
    return db_.run("UPDATE policies SET renewal = ? WHERE domain = ?", renewal, std::string_view(domain));
}

Result<std::vector<std::string>> Store::due(std::int64_t now, std::int64_t used_after, std::size_t limit) {
    std::vector<std::string> domains;
    sql::Rows rows = db_.query("SELECT domain FROM policies WHERE renewal <= ? AND expires > ? AND used > ? ORDER BY renewal LIMIT ?", now, now,
                               used_after, limit);
    while (rows.next()) domains.emplace_back(rows.text(0));
    if (auto failed = rows.failed()) return *failed;
    return domains;
}

Result<std::size_t> Store::tidy(std::int64_t now, std::size_t most) {
    auto removed = db_.run("DELETE FROM policies WHERE domain IN (SELECT domain FROM policies WHERE expires <= ? LIMIT ?)", now, piece);
    if (!removed) return removed.error();
    std::size_t count = 0;
    {
        sql::Rows rows = db_.query("SELECT count(*) FROM policies");
        if (rows.next()) count = static_cast<std::size_t>(rows.count(0));
        if (auto failed = rows.failed()) return *failed;
    }
    if (count <= most) return count;
    const std::size_t surplus = std::min<std::size_t>(count - most, piece);
    removed = db_.run("DELETE FROM policies WHERE domain IN (SELECT domain FROM policies ORDER BY used LIMIT ?)", surplus);
    if (!removed) return removed.error();
    return count - surplus;
}

} // namespace postern::sts
