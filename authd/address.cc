#include "authd/address.h"

#include "libcommon/text.h"

namespace postern::authd {

Result<mail::Mailbox> canonical(std::string_view address) {
    auto mailbox = mail::parse_mailbox(address);
    if (!mailbox) return mailbox.error().with("address", printable(address));
    mailbox->local_part = ascii_lower(mailbox->local_part);
    return mailbox;
}

Result<OwnAddress> own_address(Database& db, std::string_view address) {
    auto mailbox = canonical(address);
    if (!mailbox) return mailbox.error();
    Rows rows = db.query("SELECT id FROM domains WHERE name = ?", mailbox->domain);
    if (rows.next()) return OwnAddress{rows.count(0), std::move(*mailbox)};
    if (auto failed = rows.failed()) return *failed;
    return Error(Errc::not_found, "no such domain here: " + mailbox->domain);
}

Result<std::uint64_t> account_at(Database& db, std::string_view address) {
    auto own = own_address(db, address);
    if (!own) return own.error();
    Rows rows = db.query("SELECT account FROM addresses WHERE domain = ? AND local_part = ? AND account IS NOT NULL",
                         own->domain, own->mailbox.local_part);
    if (rows.next()) return rows.count(0);
    if (auto failed = rows.failed()) return *failed;
    return Error(Errc::not_found, "no account has the address " + own->mailbox.text());
}

} // namespace postern::authd
