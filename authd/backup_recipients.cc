#include "authd/backup_recipients.h"

#include "authd/address.h"
#include "authd/domains.h"
#include "libcommon/text.h"

#include <algorithm>

namespace postern::authd {
namespace {

Result<std::uint64_t> count_staged(Database& db, std::uint64_t domain) {
    Rows rows = db.query("SELECT count(*) FROM backup_recipients WHERE domain = ? AND staged = 1", domain);
    const std::uint64_t count = rows.next() ? rows.count(0) : 0;
    if (auto failed = rows.failed()) return *failed;
    return count;
}

Result<void> stage(Database& db, std::uint64_t domain, std::string_view address) {
    auto own = own_address(db, address);
    if (!own) return own.error();
    if (own->domain != domain) return Error(Errc::invalid, "not in this domain: " + own->mailbox.text());
    return db.run("INSERT OR IGNORE INTO backup_recipients (domain, staged, local_part) VALUES (?, 1, ?)", domain,
                  own->mailbox.local_part);
}

Result<void> put_in_force(Database& db, std::uint64_t domain) {
    if (auto done = db.run("DELETE FROM backup_recipients WHERE domain = ? AND staged = 0", domain); !done) return done;
    return db.run("UPDATE backup_recipients SET staged = 0 WHERE domain = ?", domain);
}

} // namespace

Result<std::uint64_t> store_backup_recipients(Database& db, const ipc::StoreBackupRecipients& request) {
    auto domain = domain_named(db, request.domain);
    if (!domain) return domain;
    if (request.first)
        if (auto done = db.run("DELETE FROM backup_recipients WHERE domain = ? AND staged = 1", *domain); !done) return done.error();
    for (const auto& address : request.addresses)
        if (auto done = stage(db, *domain, address); !done) return done.error();
    auto count = count_staged(db, *domain);
    if (!count || !request.last) return count;
    // No list takes everybody: an empty one must not come to mean that.
    if (*count == 0) return Error(Errc::invalid, "the list is empty; to take any recipient again clear it");
    if (auto done = put_in_force(db, *domain); !done) return done.error();
    return count;
}

Result<std::uint64_t> clear_backup_recipients(Database& db, std::string_view name) {
    auto domain = domain_named(db, name);
    if (!domain) return domain;
    if (auto done = db.run("DELETE FROM backup_recipients WHERE domain = ?", *domain); !done) return done.error();
    return domain;
}

Result<ipc::BackupRecipientListing> list_backup_recipients(Database& db, const ipc::ListBackupRecipients& page) {
    ipc::BackupRecipientListing listing;
    mail::Mailbox after;
    if (!page.after.empty()) {
        auto parsed = canonical(page.after);
        if (!parsed) return parsed.error();
        after = *parsed;
    }
    Rows rows = db.query("SELECT r.local_part, d.name FROM backup_recipients r JOIN domains d ON d.id = r.domain"
                         " WHERE d.name = ? AND r.staged = 0 AND r.local_part > ? ORDER BY r.local_part LIMIT ?",
                         ascii_lower(page.domain), after.local_part, std::min<std::size_t>(page.limit, ipc::max_page));
    while (rows.next()) listing.rows.push_back({mail::Mailbox{std::string(rows.text(0)), std::string(rows.text(1))}.text()});
    if (auto failed = rows.failed()) return *failed;
    return listing;
}

Result<bool> is_backup_recipient(Database& db, std::uint64_t domain, std::string_view local_part) {
    Rows rows = db.query("SELECT 1 FROM backup_recipients WHERE domain = ? AND staged = 0 AND local_part = ?", domain,
                         ascii_lower(local_part));
    const bool found = rows.next();
    if (auto failed = rows.failed()) return *failed;
    return found;
}

} // namespace postern::authd
