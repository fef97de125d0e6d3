#include "authd/send_as.h"

#include "authd/address.h"
#include "libcommon/text.h"

namespace postern::authd {
namespace {

// A whole domain has no local part, which no address lacks.
Result<mail::Mailbox> parse_grant(std::string_view text) {
    if (!text.starts_with('@')) {
        auto mailbox = canonical(text);
        if (mailbox && mailbox->local_part.empty()) return Error(Errc::invalid, "an address without a local part");
        return mailbox;
    }
    auto domain = mail::parse_domain(text.substr(1));
    if (!domain) return domain.error().with("domain", printable(text));
    return mail::Mailbox{"", std::move(*domain)};
}

Result<void> check_room(Database& db, AccountId account) {
    Rows rows = db.query("SELECT count(*) FROM send_as WHERE account = ?", account);
    const bool full = rows.next() && rows.count(0) >= max_grants;
    if (auto failed = rows.failed()) return *failed;
    if (full) return Error(Errc::conflict, "the account may send as many addresses already: grant it their domain");
    return {};
}

} // namespace

Result<std::uint64_t> grant_send_as(Database& db, const ipc::GrantSendAs& request) {
    auto account = account_at(db, request.account);
    if (!account) return account;
    auto grant = parse_grant(request.address);
    if (!grant) return grant.error();
    if (auto room = check_room(db, *account); !room) return room.error();
    auto made = db.run("INSERT INTO send_as (account, domain, local_part) VALUES (?, ?, ?)", *account, grant->domain, grant->local_part);
    if (!made && made.error().code() == Errc::exists) return Error(Errc::exists, "the account may send as that already");
    if (!made) return made.error();
    return account;
}

Result<std::uint64_t> revoke_send_as(Database& db, const ipc::RevokeSendAs& request) {
    auto account = account_at(db, request.account);
    if (!account) return account;
    auto grant = parse_grant(request.address);
    if (!grant) return grant.error();
    auto done = db.run("DELETE FROM send_as WHERE account = ? AND domain = ? AND local_part = ?", *account, grant->domain, grant->local_part);
    if (!done) return done.error();
    if (db.changed_rows() == 0) return Error(Errc::not_found, "the account has no such grant");
    return account;
}

Result<ipc::SendAsListing> list_send_as(Database& db, const ipc::ListSendAs& request) {
    ipc::SendAsListing listing;
    auto account = account_at(db, request.account);
    if (!account && account.error().code() != Errc::not_found) return account.error();
    listing.found = account.ok();
    if (!listing.found) return listing;
    Rows rows = db.query("SELECT local_part, domain FROM send_as WHERE account = ? ORDER BY domain, local_part", *account);
    while (rows.next()) {
        const std::string local_part(rows.text(0)), domain(rows.text(1));
        listing.rows.push_back({local_part.empty() ? "@" + domain : mail::Mailbox{local_part, domain}.text()});
    }
    if (auto failed = rows.failed()) return *failed;
    return listing;
}

Result<bool> is_granted(Database& db, AccountId account, const mail::Mailbox& mailbox, std::string_view separators) {
    const std::string local_part = ascii_lower(mailbox.local_part);
    const std::string user(mail::split_subaddress(local_part, separators).user);
    Rows rows = db.query("SELECT 1 FROM send_as WHERE account = ? AND domain = ? AND local_part IN ('', ?, ?)", account, mailbox.domain,
                         local_part, user);
    const bool found = rows.next();
    if (auto failed = rows.failed()) return *failed;
    return found;
}

} // namespace postern::authd
