#include "authd/schema.h"

#include "libcommon/ids.h"
#include "libcommon/text.h"

#include <array>
#include <ctime>

namespace postern::authd {
namespace {

// AUTOINCREMENT on accounts: an id is never used again, so a new account never finds an old mailbox.
constexpr const char* founding = R"sql(
CREATE TABLE organizations (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    name    TEXT NOT NULL UNIQUE,
    created INTEGER NOT NULL
) STRICT;

CREATE TABLE domains (
    id                     INTEGER PRIMARY KEY AUTOINCREMENT,
    organization           INTEGER NOT NULL REFERENCES organizations(id),
    name                   TEXT NOT NULL UNIQUE,
    status                 INTEGER NOT NULL,
    catch_all              TEXT NOT NULL,
    separator              TEXT NOT NULL,
    default_quota_bytes    INTEGER NOT NULL,
    default_quota_messages INTEGER NOT NULL,
    max_accounts           INTEGER NOT NULL,
    created                INTEGER NOT NULL
) STRICT;
CREATE INDEX domains_by_organization ON domains(organization);

CREATE TABLE accounts (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    organization    INTEGER NOT NULL REFERENCES organizations(id),
    name            TEXT NOT NULL,
    password_hash   TEXT NOT NULL,
    status          INTEGER NOT NULL,
    role            INTEGER NOT NULL,
    quota_bytes     INTEGER,
    quota_messages  INTEGER,
    created         INTEGER NOT NULL,
    last_login      INTEGER NOT NULL
) STRICT;
CREATE INDEX accounts_by_organization ON accounts(organization);

CREATE TABLE aliases (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    active INTEGER NOT NULL
) STRICT;

CREATE TABLE addresses (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    domain     INTEGER NOT NULL REFERENCES domains(id),
    local_part TEXT NOT NULL,
    account    INTEGER REFERENCES accounts(id) ON DELETE CASCADE,
    alias      INTEGER REFERENCES aliases(id) ON DELETE CASCADE,
    is_primary INTEGER NOT NULL,
    UNIQUE (domain, local_part),
    CHECK ((account IS NULL) <> (alias IS NULL))
) STRICT;
CREATE INDEX addresses_by_account ON addresses(account) WHERE account IS NOT NULL;
CREATE UNIQUE INDEX addresses_primary ON addresses(account) WHERE is_primary = 1;
CREATE UNIQUE INDEX addresses_by_alias ON addresses(alias) WHERE alias IS NOT NULL;

CREATE TABLE alias_targets (
    alias    INTEGER NOT NULL REFERENCES aliases(id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    target   TEXT NOT NULL,
    PRIMARY KEY (alias, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX alias_targets_by_target ON alias_targets(target);

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY,
    time    INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    client  TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL,
    hash    TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER audit_as_it_was BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
)sql";

// SCRAM and CRAM-MD5 verifiers beside the hash (stored_password.h), app passwords, and the secret behind the salts of
// names that nobody has. `cram_md5` is the opt-in; a verifier is there only while it is on.
constexpr const char* mechanisms = R"sql(
ALTER TABLE accounts ADD COLUMN scram_verifier TEXT NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN cram_md5 INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN cram_md5_verifier TEXT NOT NULL DEFAULT '';

CREATE TABLE app_passwords (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    account   INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    name      TEXT NOT NULL,
    selector  TEXT NOT NULL,
    hash      TEXT NOT NULL,
    scopes    INTEGER NOT NULL,
    created   INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    UNIQUE (account, name),
    UNIQUE (account, selector)
) STRICT;

CREATE TABLE secrets (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql";

// From where accounts logged in (known_sources.h).
constexpr const char* sources = R"sql(
CREATE TABLE known_sources (
    account INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    network TEXT NOT NULL,
    seen    INTEGER NOT NULL,
    PRIMARY KEY (account, network)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_sources_by_network ON known_sources(network);
CREATE INDEX known_sources_by_age ON known_sources(seen);
)sql";

// Dated aliases (0: no bound), groups, limits of size (0: what is above them says), and domains that are another host's.
// `posting` is ipc::Posting; NULL is a plain alias.
constexpr const char* recipients = R"sql(
ALTER TABLE aliases ADD COLUMN valid_from INTEGER NOT NULL DEFAULT 0;
ALTER TABLE aliases ADD COLUMN valid_until INTEGER NOT NULL DEFAULT 0;
ALTER TABLE aliases ADD COLUMN posting INTEGER;

CREATE TABLE group_posters (
    alias    INTEGER NOT NULL REFERENCES aliases(id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    poster   TEXT NOT NULL,
    PRIMARY KEY (alias, position)
) STRICT, WITHOUT ROWID;

ALTER TABLE domains ADD COLUMN max_message_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE domains ADD COLUMN backup_mx INTEGER NOT NULL DEFAULT 0;
ALTER TABLE accounts ADD COLUMN max_message_bytes INTEGER NOT NULL DEFAULT 0;
)sql";

// Who may send as whom else (send_as.h). An empty local part is the whole domain.
constexpr const char* delegations = R"sql(
CREATE TABLE send_as (
    account    INTEGER NOT NULL REFERENCES accounts(id) ON DELETE CASCADE,
    domain     TEXT NOT NULL,
    local_part TEXT NOT NULL,
    PRIMARY KEY (account, domain, local_part)
) STRICT, WITHOUT ROWID;
CREATE INDEX send_as_by_address ON send_as(domain, local_part);
CREATE TRIGGER send_as_goes_with_address AFTER DELETE ON addresses BEGIN
    DELETE FROM send_as WHERE local_part = OLD.local_part AND domain = (SELECT name FROM domains WHERE id = OLD.domain);
END;
CREATE TRIGGER send_as_goes_with_domain AFTER DELETE ON domains BEGIN
    DELETE FROM send_as WHERE domain = OLD.name;
END;
)sql";

// Which recipients the host has that a domain is backup MX of (backup_recipients.h).
constexpr const char* backups = R"sql(
CREATE TABLE backup_recipients (
    domain     INTEGER NOT NULL REFERENCES domains(id) ON DELETE CASCADE,
    staged     INTEGER NOT NULL,
    local_part TEXT NOT NULL,
    PRIMARY KEY (domain, staged, local_part)
) STRICT, WITHOUT ROWID;
)sql";

constexpr std::array migrations = {
    founding,
    mechanisms,
    sources,
    recipients,
    delegations,
    backups,
};

Result<std::size_t> version_of(Database& db) {
    if (auto made = db.execute("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, "
                               "applied INTEGER NOT NULL) STRICT");
        !made)
        return made.error();
    Rows rows = db.query("SELECT coalesce(max(version), 0) FROM migrations");
    const std::size_t version = rows.next() ? static_cast<std::size_t>(rows.number(0)) : 0;
    if (auto failed = rows.failed()) return *failed;
    return version;
}

Result<void> make_secret(Database& db, std::string_view name) {
    std::string random(32, '\0');
    random_bytes(random.data(), random.size());
    return db.run("INSERT OR IGNORE INTO secrets (name, value) VALUES (?, ?)", name, to_hex(random));
}

Result<std::string> secret(Database& db, std::string_view name) {
    Rows rows = db.query("SELECT value FROM secrets WHERE name = ?", name);
    auto value = rows.next() ? from_hex(rows.text(0)) : std::nullopt;
    if (auto failed = rows.failed()) return *failed;
    if (!value) return Error(Errc::io, "accounts.db has lost a secret").with("name", name);
    return std::move(*value);
}

Result<void> apply(Database& db, std::size_t version) {
    Transaction step(db);
    if (auto done = db.execute(migrations[version - 1]); !done) return done;
    if (auto noted = db.run("INSERT INTO migrations (version, applied) VALUES (?, ?)", version, std::time(nullptr));
        !noted)
        return noted;
    return step.commit();
}

} // namespace

Result<Database> open_accounts(const std::filesystem::path& file) {
    auto db = Database::open(file, Database::Durability::full);
    if (!db) return db;
    auto version = version_of(*db);
    if (!version) return version.error();
    if (*version > migrations.size())
        return Error(Errc::unsupported, "accounts.db was written by a newer version of Postern")
            .with("version", std::to_string(*version));
    for (std::size_t next = *version + 1; next <= migrations.size(); ++next)
        if (auto done = apply(*db, next); !done) return done.error().with("migration", std::to_string(next));
    for (const std::string_view name : {"server", "srs"})
        if (auto made = make_secret(*db, name); !made) return made.error();
    return db;
}

Result<std::string> server_secret(Database& db) { return secret(db, "server"); }
Result<std::string> srs_secret(Database& db) { return secret(db, "srs"); }

} // namespace postern::authd
