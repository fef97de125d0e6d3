#include "libsql/sqlite.h"

namespace postern::sql {
namespace {

// What a caller can act on; everything else is the disk's or our own trouble.
Errc kind_of(int code) {
    switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY: return Errc::exists;
    case SQLITE_CONSTRAINT_FOREIGNKEY: return Errc::conflict;
    }
    switch (code & 0xff) {
    case SQLITE_CONSTRAINT: return Errc::invalid;
    case SQLITE_FULL: return Errc::no_space;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Errc::corrupt;
    default: return Errc::io;
    }
}

} // namespace

Rows::~Rows() {
    if (!statement_) return;
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

bool Rows::next() {
    if (!statement_ || (code_ != SQLITE_OK && code_ != SQLITE_ROW)) return false;
    code_ = sqlite3_step(statement_);
    return code_ == SQLITE_ROW;
}

std::int64_t Rows::number(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Rows::text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return bytes ? std::string_view(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)))
                 : std::string_view();
}

bool Rows::null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

std::optional<Error> Rows::failed() const {
    if (code_ == SQLITE_OK || code_ == SQLITE_ROW || code_ == SQLITE_DONE) return std::nullopt;
    return db_.error(code_);
}

Result<Database> Database::open(const std::filesystem::path& file, Durability durability) {
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(file.c_str(), &handle,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW |
                                         SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                                     nullptr);
    Database db(handle, file.filename().string());
    if (code != SQLITE_OK) return db.error(code).with("file", file.string());
    // DEFENSIVE and no triggers from the schema's text beyond ours: a damaged file must not run code of its own.
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    auto set = db.execute("PRAGMA locking_mode = EXCLUSIVE;"   // one owner process: no shared memory file either
                          "PRAGMA journal_mode = WAL;"
                          "PRAGMA foreign_keys = ON;");
    if (set)
        set = db.execute(durability == Durability::full ? "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON;"
                                                        : "PRAGMA synchronous = NORMAL;");
    if (!set) return set.error().with("file", file.string());
    return db;
}

Result<void> Database::execute(const char* sql) {
    const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return error(code);
    return {};
}

sqlite3_stmt* Database::prepared(std::string_view sql) {
    auto& statement = statements_[sql];
    if (!statement) {
        sqlite3_stmt* made = nullptr;
        sqlite3_prepare_v3(handle_.get(), sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &made,
                           nullptr);
        statement.reset(made);
    }
    return statement.get();
}

Error Database::error(int code) const {
    return Error(kind_of(code), name_ + ": " + std::string(handle_ ? sqlite3_errmsg(handle_.get()) : sqlite3_errstr(code)));
}

} // namespace postern::sql
