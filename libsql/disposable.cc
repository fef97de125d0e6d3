#include "libsql/disposable.h"

#include "libcommon/log.h"

namespace postern::sql {
namespace {

Result<Database> open_once(const std::filesystem::path& file, const char* tables) {
    auto db = Database::open(file, Database::Durability::normal);
    if (!db) return db;
    if (auto made = db->execute(tables); !made) return made.error();
    Rows check = db->query("PRAGMA quick_check(1)");
    if (!check.next() || check.text(0) != "ok") return Error(Errc::corrupt, file.filename().string() + " fails its check");
    return db;
}

} // namespace

Result<Database> open_disposable(const std::filesystem::path& file, const char* tables, std::string_view event) {
    auto db = open_once(file, tables);
    if (db || db.error().code() != Errc::corrupt) return db;
    log::error(event, {{"error", db.error().message()}, {"set_aside", file.string() + ".damaged"}});
    for (const char* suffix : {"", "-wal"}) {
        std::error_code ignored;         // there may be no WAL
        std::filesystem::rename(file.string() + suffix, file.string() + ".damaged" + suffix, ignored);
    }
    return open_once(file, tables);
}

} // namespace postern::sql
