#include "tlspolicyd/reports/schema.h"

#include "libsql/disposable.h"

namespace postern::tlsrpt {
namespace {

// `next` is when the next step of a stretch, or the next attempt at a target, is due; state is ipc::TlsReportState.
constexpr const char* tables = R"sql(
CREATE TABLE IF NOT EXISTS stretches (
    id     INTEGER PRIMARY KEY,
    domain TEXT NOT NULL,
    day    INTEGER NOT NULL,
    began  INTEGER NOT NULL,
    ended  INTEGER NOT NULL,
    due    INTEGER NOT NULL,
    next   INTEGER NOT NULL,
    tries  INTEGER NOT NULL DEFAULT 0,
    state  INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS stretch_that_gathers ON stretches(day, domain) WHERE state = 0;
CREATE INDEX IF NOT EXISTS stretches_by_domain ON stretches(domain, day);
CREATE INDEX IF NOT EXISTS stretches_by_time ON stretches(state, next);

CREATE TABLE IF NOT EXISTS policies (
    id        INTEGER PRIMARY KEY,
    stretch   INTEGER NOT NULL,
    type      INTEGER NOT NULL,
    sts_id    TEXT NOT NULL,
    lines     TEXT NOT NULL,
    successes INTEGER NOT NULL DEFAULT 0,
    failures  INTEGER NOT NULL DEFAULT 0,
    details   INTEGER NOT NULL DEFAULT 0,
    UNIQUE (stretch, type, sts_id, lines)
) STRICT;

CREATE TABLE IF NOT EXISTS details (
    policy       INTEGER NOT NULL,
    result       INTEGER NOT NULL,
    sending_ip   TEXT NOT NULL,
    receiving_ip TEXT NOT NULL,
    mx_host      TEXT NOT NULL,
    reason       TEXT NOT NULL,
    count        INTEGER NOT NULL,
    PRIMARY KEY (policy, result, sending_ip, receiving_ip, mx_host, reason)
) STRICT, WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS targets (
    stretch INTEGER NOT NULL,
    uri     TEXT NOT NULL,
    tries   INTEGER NOT NULL DEFAULT 0,
    next    INTEGER NOT NULL,
    state   INTEGER NOT NULL DEFAULT 2,
    reason  TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (stretch, uri)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS targets_by_time ON targets(state, next);

CREATE TRIGGER IF NOT EXISTS policies_end AFTER DELETE ON policies BEGIN
    DELETE FROM details WHERE policy = old.id;
END;
CREATE TRIGGER IF NOT EXISTS stretches_end AFTER DELETE ON stretches BEGIN
    DELETE FROM policies WHERE stretch = old.id;
    DELETE FROM targets WHERE stretch = old.id;
END;
)sql";

} // namespace

Result<sql::Database> open_results(const std::filesystem::path& file) {
    return sql::open_disposable(file, tables, "tlsreport.database.damaged");
}

} // namespace postern::tlsrpt
