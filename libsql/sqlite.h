// SQLite for one owner process: prepared statements with parameters only, failures as values.
//
//   Rows rows = db.query("SELECT name FROM domains WHERE id = ?", id);
//   while (rows.next()) names.emplace_back(rows.text(0));
//   if (auto failed = rows.failed()) return *failed;
#pragma once

#include "libcommon/owned.h"
#include "libcommon/result.h"

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include <sqlite3.h>

namespace postern::sql {

class Database;

// The rows of one running query; ends early on a failure, which failed() then names. Gives its statement back
// when destroyed: finish one before the same query runs again.
class Rows {
  public:
    ~Rows();
    Rows(Rows&& other) noexcept : db_(other.db_), statement_(std::exchange(other.statement_, nullptr)),
                                  code_(other.code_) {}
    Rows& operator=(Rows&&) = delete;

    bool next();
    std::int64_t number(int column) const;
    std::uint64_t count(int column) const { return static_cast<std::uint64_t>(number(column)); }
    std::string_view text(int column) const;   // valid until the next call of next()
    bool null(int column) const;
    std::optional<Error> failed() const;

  private:
    friend class Database;
    Rows(Database& db, sqlite3_stmt* statement) : db_(db), statement_(statement) {}

    Database& db_;
    sqlite3_stmt* statement_;   // null: it could not be prepared or bound
    int code_ = 0;
};

class Database {
  public:
    // One owner process, WAL. `full`: what was committed survives a power cut, and what was deleted leaves no trace in
    // the file. `normal`: a power cut may take the last commits, never the consistency of the file.
    enum class Durability : std::uint8_t { full, normal };
    static Result<Database> open(const std::filesystem::path& file, Durability durability);

    // `sql` must be a literal: prepared statements are kept by it for the life of the database.
    template <class... A> Rows query(std::string_view sql, const A&... values) {
        Rows rows(*this, prepared(sql));
        if (!rows.statement_) {
            rows.code_ = sqlite3_errcode(handle_.get());
            return rows;
        }
        int index = 0;
        ((rows.code_ == SQLITE_OK ? void(rows.code_ = bind(rows.statement_, ++index, values)) : void()), ...);
        return rows;
    }
    template <class... A> Result<void> run(std::string_view sql, const A&... values) {
        Rows rows = query(sql, values...);
        while (rows.next()) {}
        if (auto failed = rows.failed()) return *failed;
        return {};
    }
    // Several statements without parameters: migrations and pragmas only.
    Result<void> execute(const char* sql);

    std::int64_t last_id() const { return sqlite3_last_insert_rowid(handle_.get()); }
    int changed_rows() const { return sqlite3_changes(handle_.get()); }
    Error error(int code) const;

  private:
    Database(sqlite3* handle, std::string name) : handle_(handle), name_(std::move(name)) {}
    sqlite3_stmt* prepared(std::string_view sql);

    static int bind(sqlite3_stmt* s, int i, std::nullptr_t) { return sqlite3_bind_null(s, i); }
    static int bind(sqlite3_stmt* s, int i, std::string_view v) {
        return sqlite3_bind_text64(s, i, v.data() ? v.data() : "", v.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    }
    template <std::integral T> static int bind(sqlite3_stmt* s, int i, T v) {
        return sqlite3_bind_int64(s, i, static_cast<std::int64_t>(v));
    }
    template <class T> static int bind(sqlite3_stmt* s, int i, const std::optional<T>& v) {
        return v ? bind(s, i, *v) : sqlite3_bind_null(s, i);
    }

    Owned<sqlite3, sqlite3_close_v2> handle_;
    std::string name_;                     // of the file, for errors
    std::unordered_map<std::string_view, Owned<sqlite3_stmt, sqlite3_finalize>> statements_;
};

// All or nothing: rolled back unless committed.
class Transaction {
  public:
    explicit Transaction(Database& db) : db_(db), begun_(db.run("BEGIN IMMEDIATE")) {}
    ~Transaction() {
        if (open_ && begun_) (void)db_.run("ROLLBACK");
    }
    Transaction(const Transaction&) = delete;

    // Fails too when the transaction could not begin.
    Result<void> commit() {
        if (!begun_) return begun_;
        auto done = db_.run("COMMIT");
        if (done) open_ = false;
        return done;
    }

  private:
    Database& db_;
    Result<void> begun_;
    bool open_ = true;
};

} // namespace postern::sql
