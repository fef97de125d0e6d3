#include "policyd/schema.h"

#include "libcommon/log.h"

namespace postern::policy {
namespace {

constexpr const char* tables = R"sql(
CREATE TABLE IF NOT EXISTS clients (
    network TEXT PRIMARY KEY,
    proven  INTEGER NOT NULL,
    seen    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS clients_by_age ON clients(proven, seen);

CREATE TABLE IF NOT EXISTS bans (
    network TEXT PRIMARY KEY,
    since   INTEGER NOT NULL,
    until   INTEGER NOT NULL,
    by_whom TEXT NOT NULL,
    reason  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

Result<sql::Database> open_once(const std::filesystem::path& file) {
    auto db = sql::Database::open(file, sql::Database::Durability::normal);
    if (!db) return db;
    if (auto made = db->execute(tables); !made) return made.error();
    sql::Rows check = db->query("PRAGMA quick_check(1)");
    if (!check.next() || check.text(0) != "ok") return Error(Errc::corrupt, "reputation.db fails its check");
    return db;
}

} // namespace

Result<sql::Database> open_reputation(const std::filesystem::path& file) {
    auto db = open_once(file);
    if (db || db.error().code() != Errc::corrupt) return db;
    log::error("policyd.database.damaged", {{"error", db.error().message()}, {"set_aside", file.string() + ".damaged"}});
    for (const char* suffix : {"", "-wal"}) {
        std::error_code ignored;         // there may be no WAL
        std::filesystem::rename(file.string() + suffix, file.string() + ".damaged" + suffix, ignored);
    }
    return open_once(file);
}

} // namespace postern::policy
