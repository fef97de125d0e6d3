#include "authd/audit.h"

#include "libcommon/text.h"

#include <algorithm>

#include <openssl/sha.h>

namespace postern::authd {
namespace {

// The encoded row is unambiguous (every text carries its length), so no two rows hash alike.
std::string chained(std::string_view previous, ipc::AuditRow row) {
    row.hash = "";
    const std::string bytes = std::string(previous) + encode(row);
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
    return to_hex({reinterpret_cast<const char*>(digest), sizeof digest});
}

struct Last {
    std::uint64_t id = 0;
    std::string hash;
};
// The newest row up to an id.
Result<Last> last_up_to(Database& db, std::int64_t id) {
    Rows rows = db.query("SELECT id, hash FROM audit WHERE id <= ? ORDER BY id DESC LIMIT 1", id);
    if (rows.next()) return Last{rows.count(0), std::string(rows.text(1))};
    if (auto failed = rows.failed()) return *failed;
    return Last{};
}

} // namespace

Result<std::string> append_audit(Database& db, ipc::AuditRow row) {
    auto last = last_up_to(db, INT64_MAX);
    if (!last) return last.error();
    row.id = last->id + 1;
    row.hash = chained(last->hash, row);
    auto added = db.run("INSERT INTO audit (id, time, actor, client, action, subject, detail, hash)"
                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        row.id, row.time, row.actor.view(), row.client.view(), row.action.view(), row.subject.view(),
                        row.detail.view(), row.hash.view());
    if (!added) return added.error();
    return row.hash.value;
}

Result<ipc::AuditListing> list_audit(Database& db, const ipc::ListAudit& page) {
    ipc::AuditListing listing;
    const auto after = static_cast<std::int64_t>(std::min<std::uint64_t>(page.after, INT64_MAX));
    auto last = last_up_to(db, after);
    if (!last) return last.error();
    listing.intact = true;
    Rows rows = db.query("SELECT id, time, actor, client, action, subject, detail, hash FROM audit"
                         " WHERE id > ? ORDER BY id LIMIT ?",
                         after, std::min<std::size_t>(page.limit, ipc::max_page));
    while (rows.next()) {
        ipc::AuditRow row{.id = rows.count(0), .time = rows.number(1), .actor = rows.text(2), .client = rows.text(3),
                          .action = rows.text(4), .subject = rows.text(5), .detail = rows.text(6),
                          .hash = rows.text(7)};
        listing.intact = listing.intact && row.id == last->id + 1 && row.hash.view() == chained(last->hash, row);
        *last = {row.id, row.hash.value};
        listing.rows.push_back(std::move(row));
    }
    if (auto failed = rows.failed()) return *failed;
    return listing;
}

} // namespace postern::authd
