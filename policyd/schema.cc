#include "policyd/schema.h"

#include "libsql/disposable.h"

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

CREATE TABLE IF NOT EXISTS suppressions (
    address  TEXT PRIMARY KEY,
    refusals INTEGER NOT NULL,
    first    INTEGER NOT NULL,
    last     INTEGER NOT NULL,
    until    INTEGER NOT NULL,
    code     TEXT NOT NULL,
    host     TEXT NOT NULL,
    reply    TEXT NOT NULL,
    by_whom  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

} // namespace

Result<sql::Database> open_reputation(const std::filesystem::path& file) {
    return sql::open_disposable(file, tables, "policyd.database.damaged");
}

} // namespace postern::policy
