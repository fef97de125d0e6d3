#include "libstore/index.h"

#include <array>

namespace postern::store {
namespace {

// 1 KiB pages: a delivery's rows touch few bytes of several trees, and each touched page goes into the WAL whole
// (PIPELINE.md). While a new database is made, nothing is flushed: four flushes, on the loop, for one that is empty and
// could be made again.
constexpr char pragmas[] =
    "PRAGMA synchronous=OFF; PRAGMA page_size=1024; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
    "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-512; PRAGMA busy_timeout=200; PRAGMA trusted_schema=OFF;";

// One text per version; a database is brought from its own to the newest, one transaction each.
constexpr const char* migrations[] = {
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE mailbox(id INTEGER PRIMARY KEY, name TEXT NOT NULL, directory TEXT NOT NULL UNIQUE,"
    " uid_validity INTEGER NOT NULL, uid_next INTEGER NOT NULL, modseq INTEGER NOT NULL, forgotten INTEGER NOT NULL,"
    " special_use INTEGER NOT NULL, first_recent INTEGER NOT NULL, messages INTEGER NOT NULL, unseen INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, checksum INTEGER NOT NULL, new_modified INTEGER NOT NULL, cur_modified INTEGER NOT NULL,"
    " side_bytes INTEGER NOT NULL, side_modseq INTEGER NOT NULL, side_uid INTEGER NOT NULL);"
    "CREATE TABLE keyword(mailbox INTEGER NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL,"
    " PRIMARY KEY(mailbox, number)) WITHOUT ROWID;"
    "CREATE TABLE subscription(name TEXT PRIMARY KEY) WITHOUT ROWID;"
    "CREATE TABLE message(id INTEGER PRIMARY KEY, flags INTEGER NOT NULL, name_flags INTEGER NOT NULL,"
    " keywords INTEGER NOT NULL, modseq INTEGER NOT NULL, size INTEGER NOT NULL, date INTEGER NOT NULL);"
    "CREATE TABLE file(id INTEGER PRIMARY KEY, base TEXT NOT NULL);"
    "CREATE TABLE cache(id INTEGER PRIMARY KEY, envelope BLOB NOT NULL, body BLOB NOT NULL, structure BLOB NOT NULL,"
    " header BLOB NOT NULL);"
    "CREATE TABLE delivery(key BLOB PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE expunged(mailbox INTEGER NOT NULL, modseq INTEGER NOT NULL, uid INTEGER NOT NULL,"
    " PRIMARY KEY(mailbox, modseq, uid)) WITHOUT ROWID;"
    "CREATE TABLE retained(id INTEGER PRIMARY KEY, base TEXT NOT NULL, name_flags INTEGER NOT NULL,"
    " flags INTEGER NOT NULL, keywords INTEGER NOT NULL, size INTEGER NOT NULL, date INTEGER NOT NULL,"
    " expunged_at INTEGER NOT NULL, moved INTEGER NOT NULL);"
    "CREATE INDEX retained_unmoved ON retained(moved) WHERE moved = 0;",
    // More header fields are kept with a message than before.
    "DELETE FROM cache;",
};
static_assert(std::size(migrations) == Index::version);

constexpr char select_message[] = "SELECT id, flags, name_flags, keywords, modseq, size, date FROM message";

Message message_of(const Row& row) {
    Message m;
    m.uid = uid_of(row.number(0));
    m.flags = static_cast<Flags>(row.number(1));
    m.name_flags = static_cast<Flags>(row.number(2));
    m.keywords = static_cast<Keywords>(row.number(3));
    m.modseq = static_cast<ModSeq>(row.number(4));
    m.size = static_cast<std::uint64_t>(row.number(5));
    m.internal_date = row.number(6);
    return m;
}

RetainedRow retained_of(const Row& row) {
    return {row.number(0), std::string(row.text(1)), static_cast<Flags>(row.number(2)), row.number(3) != 0};
}

// Big-endian: keys of one spool segment lie side by side in the tree, so that a burst touches few pages.
class KeyBytes {
  public:
    explicit KeyBytes(const DeliveryKey& key) {
        put(key.id.salt, 4);
        put(key.id.generation, 8);
        put(key.id.offset, 4);
        put(key.action, 2);
    }
    std::string_view view() const { return {bytes_.data(), bytes_.size()}; }
    Blob blob() const { return {view()}; }

  private:
    void put(std::uint64_t value, std::size_t bytes) {
        for (std::size_t i = bytes; i-- > 0;) bytes_[at_++] = static_cast<char>(value >> (8 * i));
    }
    std::array<char, 18> bytes_{};
    std::size_t at_ = 0;
};

} // namespace

std::uint64_t row_hash(const Message& m) {
    const std::uint64_t fields[] = {m.uid,    static_cast<std::uint64_t>(m.flags) << 8 | m.name_flags, m.keywords, m.modseq,
                                    m.size,   static_cast<std::uint64_t>(m.internal_date)};
    std::uint64_t hash = 0x9E3779B97F4A7C15;
    for (const std::uint64_t field : fields) {
        hash = (hash ^ field) * 0xBF58476D1CE4E5B9;
        hash ^= hash >> 29;
    }
    return hash;
}

Result<Index> Index::open(const std::string& path) {
    auto db = Sql::open(path);
    if (!db) return db.error();
    Index index(std::move(*db));
    if (auto done = index.db_.script(pragmas); !done) return done.error();
    std::int64_t have = 0;
    if (auto done = index.db_.each("PRAGMA user_version", [&](const Row& row) { have = row.number(0); }); !done)
        return done.error();
    if (have > version) return Error(Errc::unsupported, "index: written by a later version");
    for (; have < version; ++have) {
        const std::string step = std::string("BEGIN IMMEDIATE;") + migrations[have] +
                                 "PRAGMA user_version=" + std::to_string(have + 1) + ";COMMIT;";
        if (auto done = index.db_.script(step.c_str()); !done) return done.error();
    }
    return index;
}

Result<void> Index::check() {
    bool sound = true;
    for (const char* sql : {"PRAGMA quick_check(message)", "PRAGMA quick_check(file)", "PRAGMA quick_check(mailbox)",
                            "PRAGMA quick_check(delivery)"}) {
        auto done = db_.each(sql, [&](const Row& row) { sound = sound && row.text(0) == "ok"; });
        if (!done) return done;
    }
    if (!sound) return Error(Errc::corrupt, "index: quick_check found damage");
    return {};
}

Result<void> Index::fold_wal(const std::string& path) {
    auto db = Sql::open_existing(path);
    if (!db) return db.error();
    return db->script("PRAGMA synchronous=NORMAL; PRAGMA wal_checkpoint(PASSIVE);");
}

Result<void> Index::begin() { return db_.run("BEGIN IMMEDIATE"); }
Result<void> Index::commit() { return db_.run("COMMIT"); }
void Index::rollback() { (void)db_.run("ROLLBACK"); }

Result<std::int64_t> Index::meta(std::string_view key, std::int64_t otherwise) {
    std::int64_t value = otherwise;
    auto done = db_.each("SELECT value FROM meta WHERE key=?", [&](const Row& row) { value = row.number(0); }, key);
    if (!done) return done.error();
    return value;
}

Result<void> Index::put_meta(std::string_view key, std::int64_t value) {
    return db_.run("INSERT OR REPLACE INTO meta VALUES(?,?)", key, value);
}

Result<std::vector<MailboxRow>> Index::mailboxes() {
    std::vector<MailboxRow> rows;
    auto done = db_.each(
        "SELECT id, name, directory, uid_validity, uid_next, modseq, forgotten, special_use, first_recent, messages,"
        " unseen, bytes, checksum, new_modified, cur_modified, side_bytes, side_modseq, side_uid FROM mailbox",
        [&](const Row& row) {
            MailboxRow m;
            m.id = static_cast<MailboxId>(row.number(0));
            m.name = row.text(1);
            m.directory = row.text(2);
            m.uid_validity = static_cast<std::uint32_t>(row.number(3));
            m.uid_next = static_cast<Uid>(row.number(4));
            m.modseq = static_cast<ModSeq>(row.number(5));
            m.forgotten = static_cast<ModSeq>(row.number(6));
            m.special_use = static_cast<SpecialUse>(row.number(7));
            m.first_recent = static_cast<Uid>(row.number(8));
            m.messages = static_cast<std::uint32_t>(row.number(9));
            m.unseen = static_cast<std::uint32_t>(row.number(10));
            m.bytes = static_cast<std::uint64_t>(row.number(11));
            m.checksum = static_cast<std::uint64_t>(row.number(12));
            m.new_modified = row.number(13);
            m.cur_modified = row.number(14);
            m.side_bytes = static_cast<std::uint64_t>(row.number(15));
            m.side_modseq = static_cast<ModSeq>(row.number(16));
            m.side_uid = static_cast<Uid>(row.number(17));
            rows.push_back(std::move(m));
        });
    if (!done) return done.error();
    return rows;
}

Result<void> Index::put_mailbox(const MailboxRow& m) {
    return db_.run("INSERT OR REPLACE INTO mailbox VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", m.id, m.name, m.directory,
                   m.uid_validity, m.uid_next, m.modseq, m.forgotten, static_cast<int>(m.special_use), m.first_recent,
                   m.messages, m.unseen, m.bytes, m.checksum, m.new_modified, m.cur_modified, m.side_bytes, m.side_modseq,
                   m.side_uid);
}

Result<void> Index::drop_mailbox(MailboxId id) {
    for (const char* sql : {"DELETE FROM mailbox WHERE id=?", "DELETE FROM keyword WHERE mailbox=?",
                            "DELETE FROM expunged WHERE mailbox=?"})
        if (auto done = db_.run(sql, id); !done) return done;
    return {};
}

Result<std::vector<Index::Keyword>> Index::keywords() {
    std::vector<Keyword> rows;
    auto done = db_.each("SELECT mailbox, number, name FROM keyword ORDER BY mailbox, number", [&](const Row& row) {
        rows.push_back({static_cast<MailboxId>(row.number(0)), static_cast<unsigned>(row.number(1)), std::string(row.text(2))});
    });
    if (!done) return done.error();
    return rows;
}

Result<void> Index::put_keyword(const Keyword& keyword) {
    return db_.run("INSERT OR REPLACE INTO keyword VALUES(?,?,?)", keyword.mailbox, keyword.number, keyword.name);
}

Result<std::vector<std::string>> Index::subscriptions() {
    std::vector<std::string> names;
    auto done = db_.each("SELECT name FROM subscription", [&](const Row& row) { names.emplace_back(row.text(0)); });
    if (!done) return done.error();
    return names;
}

Result<void> Index::put_subscription(std::string_view name, bool subscribed) {
    if (subscribed) return db_.run("INSERT OR IGNORE INTO subscription VALUES(?)", name);
    return db_.run("DELETE FROM subscription WHERE name=?", name);
}

Result<std::vector<Message>> Index::messages(MailboxId mailbox) { return messages_from(mailbox, 0); }

Result<std::vector<Message>> Index::messages_from(MailboxId mailbox, Uid first) {
    static const std::string sql = std::string(select_message) + " WHERE id BETWEEN ? AND ?";
    std::vector<Message> messages;
    auto done = db_.each(sql.c_str(), [&](const Row& row) { messages.push_back(message_of(row)); }, row_id(mailbox, first),
                         row_id(mailbox, UINT32_MAX));
    if (!done) return done.error();
    return messages;
}

Result<std::optional<Message>> Index::message(RowId id) {
    static const std::string sql = std::string(select_message) + " WHERE id=?";
    std::optional<Message> found;
    auto done = db_.each(sql.c_str(), [&](const Row& row) { found = message_of(row); }, id);
    if (!done) return done.error();
    return found;
}

Result<void> Index::put_message(RowId id, const Message& m) {
    return db_.run("INSERT INTO message VALUES(?,?,?,?,?,?,?)", id, m.flags, m.name_flags, m.keywords, m.modseq, m.size,
                   m.internal_date);
}

Result<void> Index::update_flags(RowId first, RowId last, const FlagUpdate& u) {
    return db_.run("UPDATE message SET flags=(flags&?)|?, keywords=(keywords&?)|?, modseq=? WHERE id BETWEEN ? AND ?", u.keep,
                   u.set, u.keep_keywords, u.set_keywords, u.modseq, first, last);
}

Result<void> Index::put_name_flags(RowId id, Flags name_flags) {
    return db_.run("UPDATE message SET name_flags=? WHERE id=?", name_flags, id);
}

Result<void> Index::put_file(RowId id, std::string_view base) { return db_.run("INSERT INTO file VALUES(?,?)", id, base); }

Result<std::string> Index::base(RowId id) {
    std::string base;
    auto done = db_.each("SELECT base FROM file WHERE id=?", [&](const Row& row) { base = row.text(0); }, id);
    if (!done) return done.error();
    if (base.empty()) return Error(Errc::not_found, "no such message");
    return base;
}

Result<std::vector<FileRow>> Index::files(MailboxId mailbox) {
    std::vector<FileRow> rows;
    auto done = db_.each("SELECT id, base FROM file WHERE id BETWEEN ? AND ?",
                         [&](const Row& row) { rows.push_back({uid_of(row.number(0)), std::string(row.text(1))}); },
                         row_id(mailbox, 0), row_id(mailbox, UINT32_MAX));
    if (!done) return done.error();
    return rows;
}

// Keys of one spool grow: nearly every delivery has one above all that the index has, and needs no look for it.
Result<bool> Index::above_all(const DeliveryKey& key) {
    if (!newest_) {
        newest_.emplace();
        auto done = db_.each("SELECT key FROM delivery ORDER BY key DESC LIMIT 1", [&](const Row& row) { newest_ = row.text(0); });
        if (!done) {
            newest_.reset();
            return done.error();
        }
    }
    return KeyBytes(key).view() > *newest_;
}

void Index::note_key(const DeliveryKey& key) {
    if (const KeyBytes bytes(key); newest_ && bytes.view() > *newest_) newest_ = bytes.view();
}

Result<std::optional<RowId>> Index::delivery(const DeliveryKey& key) {
    const auto unknown = above_all(key);
    if (!unknown) return unknown.error();
    std::optional<RowId> id;
    if (*unknown) return id;
    const KeyBytes bytes(key);
    auto done = db_.each("SELECT id FROM delivery WHERE key=?", [&](const Row& row) { id = row.number(0); }, bytes.blob());
    if (!done) return done.error();
    return id;
}

Result<void> Index::put_delivery(const DeliveryKey& key, RowId id) {
    note_key(key);
    return db_.run("INSERT OR REPLACE INTO delivery VALUES(?,?)", KeyBytes(key).blob(), id);
}

Result<void> Index::add_delivery(const DeliveryKey& key, RowId id) {
    note_key(key);
    return db_.run("INSERT OR IGNORE INTO delivery VALUES(?,?)", KeyBytes(key).blob(), id);
}

Result<void> Index::drop_delivery(const DeliveryKey& key) {
    return db_.run("DELETE FROM delivery WHERE key=?", KeyBytes(key).blob());
}

Result<void> Index::expunge(RowId first, RowId last, ModSeq modseq, std::int64_t now, bool retain) {
    if (retain) {
        auto done = db_.run("INSERT OR REPLACE INTO retained SELECT message.id, file.base, name_flags, flags, keywords, size,"
                            " date, ?, 0 FROM message JOIN file USING(id) WHERE message.id BETWEEN ? AND ?", now, first, last);
        if (!done) return done;
    }
    auto done = db_.run("INSERT OR IGNORE INTO expunged SELECT id>>32, ?, id&4294967295 FROM message WHERE id BETWEEN ? AND ?",
                        modseq, first, last);
    if (!done) return done;
    for (const char* sql : {"DELETE FROM message WHERE id BETWEEN ? AND ?", "DELETE FROM file WHERE id BETWEEN ? AND ?",
                            "DELETE FROM cache WHERE id BETWEEN ? AND ?"})
        if (auto deleted = db_.run(sql, first, last); !deleted) return deleted;
    return {};
}

Result<void> Index::renumber(RowId from, const Message& as, RowId to, ModSeq from_modseq) {
    auto done = db_.run("INSERT OR IGNORE INTO expunged VALUES(?,?,?)", mailbox_of(from), from_modseq, uid_of(from));
    if (!done) return done;
    done = db_.run("UPDATE message SET id=?, flags=?, name_flags=?, keywords=?, modseq=? WHERE id=?", to, as.flags,
                   as.name_flags, as.keywords, as.modseq, from);
    if (!done) return done;
    for (const char* sql : {"UPDATE file SET id=? WHERE id=?", "UPDATE cache SET id=? WHERE id=?"})
        if (auto moved = db_.run(sql, to, from); !moved) return moved;
    return {};
}

Result<std::vector<Uid>> Index::expunged_since(MailboxId mailbox, ModSeq since) {
    std::vector<Uid> uids;
    auto done = db_.each("SELECT DISTINCT uid FROM expunged WHERE mailbox=? AND modseq>? ORDER BY uid",
                         [&](const Row& row) { uids.push_back(static_cast<Uid>(row.number(0))); }, mailbox, since);
    if (!done) return done.error();
    return uids;
}

Result<ModSeq> Index::forget_expunged(MailboxId mailbox, std::size_t kept, std::size_t at_once) {
    std::size_t count = 0;
    auto counted = db_.each("SELECT count(*) FROM expunged WHERE mailbox=?",
                            [&](const Row& row) { count = static_cast<std::size_t>(row.number(0)); }, mailbox);
    if (!counted) return counted.error();
    if (count <= kept) return ModSeq{0};
    // Whole MODSEQs only: a part of what one command expunged is worse than nothing.
    ModSeq up_to = 0;
    auto found = db_.each("SELECT modseq FROM expunged WHERE mailbox=? ORDER BY modseq LIMIT 1 OFFSET ?",
                          [&](const Row& row) { up_to = static_cast<ModSeq>(row.number(0)); }, mailbox,
                          std::min(count - kept, at_once) - 1);
    if (!found) return found.error();
    auto done = db_.run("DELETE FROM expunged WHERE mailbox=? AND modseq<=?", mailbox, up_to);
    if (!done) return done.error();
    return up_to;
}

Result<std::optional<RetainedRow>> Index::retained(RowId id) {
    std::optional<RetainedRow> found;
    auto done = db_.each("SELECT id, base, name_flags, moved FROM retained WHERE id=?",
                         [&](const Row& row) { found = retained_of(row); }, id);
    if (!done) return done.error();
    return found;
}

Result<std::vector<RetainedRow>> Index::retained_all() {
    std::vector<RetainedRow> rows;
    auto done = db_.each("SELECT id, base, name_flags, moved FROM retained",
                         [&](const Row& row) { rows.push_back(retained_of(row)); });
    if (!done) return done.error();
    return rows;
}

Result<void> Index::put_retained(const RetainedRow& row, std::int64_t now) {
    return db_.run("INSERT OR REPLACE INTO retained VALUES(?,?,?,?,0,0,0,?,?)", row.id, row.base, row.name_flags,
                   row.name_flags & flag::all, now, row.moved);
}

Result<std::vector<RetainedRow>> Index::retained_unmoved(std::size_t limit) {
    std::vector<RetainedRow> rows;
    auto done = db_.each("SELECT id, base, name_flags, moved FROM retained WHERE moved=0 LIMIT ?",
                         [&](const Row& row) { rows.push_back(retained_of(row)); }, limit);
    if (!done) return done.error();
    return rows;
}

Result<std::vector<RetainedRow>> Index::retained_before(std::int64_t time, std::size_t limit) {
    std::vector<RetainedRow> rows;
    auto done = db_.each("SELECT id, base, name_flags, moved FROM retained WHERE expunged_at<? AND moved=1 LIMIT ?",
                         [&](const Row& row) { rows.push_back(retained_of(row)); }, time, limit);
    if (!done) return done.error();
    return rows;
}

Result<void> Index::put_retained_moved(RowId id, bool moved) {
    return db_.run("UPDATE retained SET moved=? WHERE id=?", moved, id);
}

Result<void> Index::drop_retained(RowId id) { return db_.run("DELETE FROM retained WHERE id=?", id); }

Result<void> Index::cached(RowId first, RowId last, const std::function<bool(Uid, Cached&)>& each) {
    Cached texts;
    return db_.each("SELECT id, envelope, body, structure, header FROM cache WHERE id BETWEEN ? AND ?",
                    [&](const Row& row) {
                        texts.envelope = row.text(1);
                        texts.body = row.text(2);
                        texts.body_structure = row.text(3);
                        texts.header = row.text(4);
                        return each(uid_of(row.number(0)), texts);
                    },
                    first, last);
}

Result<void> Index::put_cached(RowId id, const Cached& texts) {
    return db_.run("INSERT OR REPLACE INTO cache VALUES(?,?,?,?,?)", id, Blob{texts.envelope}, Blob{texts.body},
                   Blob{texts.body_structure}, Blob{texts.header});
}

} // namespace postern::store
