#include "libstore/sql.h"

namespace postern::store {
namespace {

Errc kind_of(int code) {
    switch (code & 0xFF) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        case SQLITE_SCHEMA:
        case SQLITE_ERROR: return Errc::corrupt;   // our statements are right: a table or column is missing
        case SQLITE_FULL: return Errc::no_space;
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return Errc::unavailable;
        default: return Errc::io;
    }
}

constexpr int wal_limit = 32'000;       // pages: folded back inside the commit, should the worker never come by

// Whatever is said here becomes the commit's own result, as SQLITE_ERROR: a checkpoint that finds the worker at it
// already must not look like a commit that failed.
int note_wal_pages(void* pages, sqlite3* db, const char*, int count) {
    *static_cast<int*>(pages) = count;
    if (count >= wal_limit) (void)sqlite3_wal_checkpoint_v2(db, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    return SQLITE_OK;
}

} // namespace

Result<Sql> Sql::open(const std::string& path) { return open_with(path, SQLITE_OPEN_CREATE); }
Result<Sql> Sql::open_existing(const std::string& path) { return open_with(path, 0); }

Result<Sql> Sql::open_with(const std::string& path, int create) {
    sqlite3* raw = nullptr;
    const int flags = SQLITE_OPEN_READWRITE | create | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
                      SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
    Sql db(raw);
    if (code != SQLITE_OK) return Error(kind_of(code), std::string("open index: ") + sqlite3_errstr(code));
    // Closing is no reason to flush: what is not folded back now is read from the WAL later.
    sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    sqlite3_wal_hook(db.db_.get(), note_wal_pages, db.wal_pages_.get());
    return db;
}

Result<void> Sql::script(const char* text) {
    if (sqlite3_exec(db_.get(), text, nullptr, nullptr, nullptr) != SQLITE_OK) return failure(text);
    return {};
}

Result<sqlite3_stmt*> Sql::prepare(const char* sql) {
    Statement& kept = statements_[sql];
    if (!kept) {
        sqlite3_stmt* made = nullptr;
        if (sqlite3_prepare_v3(db_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr) != SQLITE_OK)
            return failure(sql);
        kept.reset(made);
    }
    return kept.get();
}

void Sql::finish(sqlite3_stmt* statement) {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

Error Sql::failure(std::string_view what) const {
    const int code = sqlite3_extended_errcode(db_.get());
    return Error(kind_of(code), std::string("index: ") + sqlite3_errmsg(db_.get())).with("statement", what.substr(0, 60));
}

} // namespace postern::store
