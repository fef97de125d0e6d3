// A SQLite connection as the store uses it: statements prepared once, values bound by type, failures as values.
//
//   db.run("UPDATE message SET flags = ? WHERE id = ?", flags, id);
//   db.each("SELECT id, flags FROM message", [&](const Row& row) { use(row.number(0)); });
//
// Statements are kept by the address of their text: pass string literals or constants, nothing built.
#pragma once

#include "libcommon/owned.h"
#include "libcommon/result.h"

#include <concepts>
#include <cstdint>
#include <sqlite3.h>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>

namespace postern::store {

using Statement = Owned<sqlite3_stmt, sqlite3_finalize>;

struct Blob {
    std::string_view bytes;
};

class Row {
  public:
    explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
    std::int64_t number(int column) const { return sqlite3_column_int64(statement_, column); }
    // Valid until the callback returns.
    std::string_view text(int column) const {
        const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_, column));
        return bytes ? std::string_view(bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)))
                     : std::string_view();
    }

  private:
    sqlite3_stmt* statement_;
};

class Sql {
  public:
    static Result<Sql> open(const std::string& path);               // made when it is not there
    static Result<Sql> open_existing(const std::string& path);

    // Several statements, nothing bound, nothing kept.
    Result<void> script(const char* text);

    template <class... Args> Result<void> run(const char* sql, const Args&... args) {
        return each(sql, [](const Row&) {}, args...);
    }
    // `row` may return bool: false ends the walk.
    template <std::invocable<const Row&> Each, class... Args>
    Result<void> each(const char* sql, Each&& row, const Args&... args) {
        auto prepared = prepare(sql);
        if (!prepared) return prepared.error();
        sqlite3_stmt* statement = *prepared;
        const Owned<sqlite3_stmt, finish> guard(statement);
        int position = 0;
        (bind(statement, ++position, args), ...);
        for (;;) {
            const int code = sqlite3_step(statement);
            if (code == SQLITE_DONE) return {};
            if (code != SQLITE_ROW) return failure(sql);
            if constexpr (std::same_as<std::invoke_result_t<Each, const Row&>, bool>) {
                if (!row(Row(statement))) return {};
            } else {
                row(Row(statement));
            }
        }
    }
    // Pages in the WAL after the last commit.
    int wal_pages() const { return *wal_pages_; }
    void forget_wal_pages() { *wal_pages_ = 0; }

  private:
    explicit Sql(sqlite3* db) : db_(db) {}
    static Result<Sql> open_with(const std::string& path, int create);
    Result<sqlite3_stmt*> prepare(const char* sql);
    Error failure(std::string_view what) const;
    static void finish(sqlite3_stmt* statement);

    template <std::integral T> static void bind(sqlite3_stmt* s, int position, T value) {
        sqlite3_bind_int64(s, position, static_cast<std::int64_t>(value));
    }
    static void bind(sqlite3_stmt* s, int position, std::string_view text) {
        sqlite3_bind_text64(s, position, text.data() ? text.data() : "", text.size(), SQLITE_STATIC, SQLITE_UTF8);
    }
    static void bind(sqlite3_stmt* s, int position, Blob blob) {
        sqlite3_bind_blob64(s, position, blob.bytes.data() ? blob.bytes.data() : "", blob.bytes.size(), SQLITE_STATIC);
    }

    std::unique_ptr<int> wal_pages_ = std::make_unique<int>(0);     // at one address while the object moves
    Owned<sqlite3, sqlite3_close_v2> db_;
    std::unordered_map<const void*, Statement> statements_;
};

} // namespace postern::store
