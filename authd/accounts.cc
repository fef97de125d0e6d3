#include "authd/accounts.h"

#include "authd/address.h"
#include "authd/domains.h"
#include "libcommon/text.h"

#include <algorithm>

namespace postern::authd {
namespace {

// NULL in the row means the domain's quota.
std::optional<std::uint64_t> own_quota(const std::optional<std::uint64_t>& quota) {
    return quota && *quota != ipc::quota_of_domain ? quota : std::nullopt;
}
std::uint64_t shown_quota(const Rows& rows, int column) {
    return rows.null(column) ? ipc::quota_of_domain : rows.count(column);
}

Result<void> check(const ipc::AccountSettings& settings) {
    if (settings.name && !is_utf8(*settings.name)) return Error(Errc::invalid, "the name is not UTF-8");
    if (auto good = check_amount("quota_bytes", own_quota(settings.quota_bytes)); !good) return good;
    if (auto good = check_amount("quota_messages", own_quota(settings.quota_messages)); !good) return good;
    return check_amount("max_message_bytes", settings.max_message_bytes);
}

Result<void> check_room(Database& db, std::uint64_t domain) {
    Rows rows = db.query("SELECT max_accounts > 0 AND max_accounts <= (SELECT count(*) FROM addresses"
                         " WHERE domain = d.id AND account IS NOT NULL) FROM domains d WHERE id = ?",
                         domain);
    const bool full = rows.next() && rows.number(0) != 0;
    if (auto failed = rows.failed()) return *failed;
    if (full) return Error(Errc::conflict, "the domain has as many accounts as it may have");
    return {};
}

Result<void> insert_address(Database& db, const OwnAddress& address, AccountId account, bool primary) {
    auto made = db.run("INSERT INTO addresses (domain, local_part, account, is_primary) VALUES (?, ?, ?, ?)",
                       address.domain, address.mailbox.local_part, account, primary ? 1 : 0);
    if (!made && made.error().code() == Errc::exists)
        return Error(Errc::exists, "the address is taken: " + address.mailbox.text());
    return made;
}

Result<void> store(Database& db, AccountId id, const ipc::AccountSettings& s) {
    if (s.name)
        if (auto set = db.run("UPDATE accounts SET name = ? WHERE id = ?", s.name->view(), id); !set) return set;
    if (s.status)
        if (auto set = db.run("UPDATE accounts SET status = ? WHERE id = ?", static_cast<int>(*s.status), id); !set)
            return set;
    if (s.role)
        if (auto set = db.run("UPDATE accounts SET role = ? WHERE id = ?", static_cast<int>(*s.role), id); !set)
            return set;
    if (s.quota_bytes)
        if (auto set = db.run("UPDATE accounts SET quota_bytes = ? WHERE id = ?", own_quota(s.quota_bytes), id); !set)
            return set;
    if (s.quota_messages)
        if (auto set = db.run("UPDATE accounts SET quota_messages = ? WHERE id = ?", own_quota(s.quota_messages), id);
            !set)
            return set;
    if (s.max_message_bytes) return db.run("UPDATE accounts SET max_message_bytes = ? WHERE id = ?", *s.max_message_bytes, id);
    return {};
}

// The verifier comes with the next password or the next login by PLAIN, and goes at once.
Result<void> opt_in_to_cram_md5(Database& db, AccountId id, bool wanted) {
    return db.run("UPDATE accounts SET cram_md5 = ?1, cram_md5_verifier = iif(?1, cram_md5_verifier, '') WHERE id = ?2",
                  wanted ? 1 : 0, id);
}

ipc::AccountRow read_row(const Rows& rows) {
    return {.id = rows.count(0),
            .address = mail::Mailbox{std::string(rows.text(1)), std::string(rows.text(2))}.text(),
            .organization = rows.text(3),
            .name = rows.text(4),
            .status = static_cast<ipc::AccountStatus>(rows.number(5)),
            .role = static_cast<ipc::AccountRole>(rows.number(6)),
            .has_password = rows.number(7) != 0,
            .quota_bytes = shown_quota(rows, 8),
            .quota_messages = shown_quota(rows, 9),
            .effective_quota_bytes = rows.count(10),
            .effective_quota_messages = rows.count(11),
            .created = rows.number(12),
            .last_login = rows.number(13)};
}

// One account (only), or those after an id, of one domain or of all.
Rows account_rows(Database& db, AccountId only, std::string_view domain, AccountId after, std::size_t limit) {
    return db.query("SELECT a.id, p.local_part, d.name, o.name, a.name, a.status, a.role, a.password_hash <> '',"
                    " a.quota_bytes, a.quota_messages, coalesce(a.quota_bytes, d.default_quota_bytes),"
                    " coalesce(a.quota_messages, d.default_quota_messages), a.created, a.last_login"
                    " FROM accounts a JOIN addresses p ON p.account = a.id AND p.is_primary = 1"
                    " JOIN domains d ON d.id = p.domain JOIN organizations o ON o.id = a.organization"
                    " WHERE (?1 = 0 OR a.id = ?1) AND a.id > ?2 AND (?3 = '' OR EXISTS (SELECT 1 FROM addresses x"
                    " JOIN domains xd ON xd.id = x.domain WHERE x.account = a.id AND xd.name = ?3))"
                    " ORDER BY a.id LIMIT ?4",
                    only, after, domain, limit);
}

Result<void> read_names(Rows rows, List<ipc::Address, ipc::max_page>& out) {
    while (rows.next())
        out.push_back(mail::Mailbox{std::string(rows.text(0)), std::string(rows.text(1))}.text());
    if (auto failed = rows.failed()) return *failed;
    return {};
}

Rows addresses_of(Database& db, AccountId id) {
    return db.query("SELECT a.local_part, d.name FROM addresses a JOIN domains d ON d.id = a.domain"
                    " WHERE a.account = ? ORDER BY a.is_primary DESC, d.name, a.local_part LIMIT ?",
                    id, ipc::max_page);
}

Rows aliases_naming(Database& db, std::string_view target) {
    return db.query("SELECT a.local_part, d.name FROM alias_targets t JOIN addresses a ON a.alias = t.alias"
                    " JOIN domains d ON d.id = a.domain WHERE t.target = ? ORDER BY d.name, a.local_part LIMIT ?",
                    target, ipc::max_page);
}

Result<void> read_own_size_limit(Database& db, AccountId id, std::uint64_t& into) {
    Rows rows = db.query("SELECT max_message_bytes FROM accounts WHERE id = ?", id);
    if (rows.next()) into = rows.count(0);
    if (auto failed = rows.failed()) return *failed;
    return {};
}

} // namespace

Result<AccountId> create_account(Database& db, const ipc::NewAccount& account, const StoredPassword& password,
                                 std::int64_t now) {
    auto address = own_address(db, account.address);
    if (!address) return address.error();
    if (auto good = check(account.settings); !good) return good.error();
    if (auto room = check_room(db, address->domain); !room) return room.error();
    auto made = db.run("INSERT INTO accounts (organization, name, password_hash, status, role, created, last_login)"
                       " VALUES ((SELECT organization FROM domains WHERE id = ?), '', '', 0, 0, ?, 0)",
                       address->domain, now);
    if (!made) return made.error();
    const auto id = static_cast<AccountId>(db.last_id());
    if (auto added = insert_address(db, *address, id, true); !added) return added.error();
    if (auto set = store(db, id, account.settings); !set) return set.error();
    if (auto kept = store_password(db, id, password); !kept) return kept.error();
    return id;
}

Result<AccountId> change_account(Database& db, const ipc::ChangeAccount& request) {
    if (auto good = check(request.settings); !good) return good.error();
    auto id = account_at(db, request.address);
    if (!id) return id;
    if (auto set = store(db, *id, request.settings); !set) return set.error();
    if (request.cram_md5)
        if (auto set = opt_in_to_cram_md5(db, *id, *request.cram_md5); !set) return set.error();
    return id;
}

Result<AccountId> delete_account(Database& db, std::string_view address) {
    auto id = account_at(db, address);
    if (!id) return id;
    if (auto done = db.run("DELETE FROM accounts WHERE id = ?", *id); !done) return done.error();   // addresses follow
    return id;
}

Result<void> store_password(Database& db, AccountId account, const StoredPassword& password) {
    return db.run("UPDATE accounts SET password_hash = ?, scram_verifier = ?, cram_md5_verifier = iif(cram_md5, ?, '')"
                  " WHERE id = ?",
                  password.hash, password.scram, password.cram_md5, account);
}

Result<void> replace_password(Database& db, AccountId account, std::string_view old_hash, const StoredPassword& password) {
    return db.run("UPDATE accounts SET password_hash = ?, scram_verifier = ?, cram_md5_verifier = iif(cram_md5, ?, '')"
                  " WHERE id = ? AND password_hash = ?",
                  password.hash, password.scram, password.cram_md5, account, old_hash);
}

Result<void> store_last_login(Database& db, AccountId account, std::int64_t time) {
    return db.run("UPDATE accounts SET last_login = ? WHERE id = ?", time, account);
}

Result<AccountId> add_address(Database& db, const ipc::AddAddress& request) {
    auto account = account_at(db, request.account);
    if (!account) return account;
    auto address = own_address(db, request.address);
    if (!address) return address.error();
    auto owner = account_at(db, request.address);
    if (!owner && owner.error().code() != Errc::not_found) return owner;
    if (!owner) {
        if (auto room = check_room(db, address->domain); !room) return room.error();
        if (auto added = insert_address(db, *address, *account, false); !added) return added.error();
    } else if (*owner != *account || !request.primary) {
        return Error(Errc::exists, "the address is taken: " + address->mailbox.text());
    }
    if (!request.primary) return account;
    // The unique index allows one primary: the old one steps down first.
    if (auto down = db.run("UPDATE addresses SET is_primary = 0 WHERE account = ?", *account); !down)
        return down.error();
    auto up = db.run("UPDATE addresses SET is_primary = 1 WHERE domain = ? AND local_part = ?", address->domain,
                     address->mailbox.local_part);
    if (!up) return up.error();
    return account;
}

Result<AccountId> remove_address(Database& db, std::string_view address) {
    auto account = account_at(db, address);
    if (!account) return account;
    auto own = own_address(db, address);
    if (!own) return own.error();
    auto done = db.run("DELETE FROM addresses WHERE domain = ? AND local_part = ? AND is_primary = 0", own->domain,
                       own->mailbox.local_part);
    if (!done) return done.error();
    if (db.changed_rows() == 0)
        return Error(Errc::conflict, "the primary address stays: make another one primary first");
    return account;
}

Result<ipc::AccountListing> list_accounts(Database& db, const ipc::ListAccounts& page) {
    ipc::AccountListing listing;
    Rows rows = account_rows(db, 0, ascii_lower(page.domain), page.after,
                             std::min<std::size_t>(page.limit, ipc::max_page));
    while (rows.next()) listing.rows.push_back(read_row(rows));
    if (auto failed = rows.failed()) return *failed;
    return listing;
}

Result<ipc::AccountEntry> show_account(Database& db, std::string_view address) {
    ipc::AccountEntry entry;
    auto id = account_at(db, address);
    if (!id && id.error().code() != Errc::not_found) return id.error();
    if (!id) return entry;
    {
        Rows rows = account_rows(db, *id, "", 0, 1);
        if (rows.next()) entry.row = read_row(rows);
        if (auto failed = rows.failed()) return *failed;
    }
    if (auto read = read_names(addresses_of(db, *id), entry.addresses); !read) return read.error();
    for (const auto& own : entry.addresses)
        if (auto read = read_names(aliases_naming(db, own), entry.aliases); !read) return read.error();
    if (entry.aliases.size() > ipc::max_page) entry.aliases.items.resize(ipc::max_page);
    const auto login = login_account(db, *id);
    if (!login) return login.error();
    entry.has_scram = !login->scram.empty();
    entry.cram_md5 = login->wants_cram_md5;
    entry.effective_max_message_bytes = login->max_message_bytes;
    if (auto read = read_own_size_limit(db, *id, entry.max_message_bytes); !read) return read.error();
    entry.found = true;
    return entry;
}

Result<LoginAccount> login_account(Database& db, AccountId id) {
    Rows rows = db.query("SELECT a.password_hash, p.local_part, d.name, a.status, d.status,"
                         " coalesce(a.quota_bytes, d.default_quota_bytes),"
                         " coalesce(a.quota_messages, d.default_quota_messages), a.scram_verifier, a.cram_md5_verifier, a.cram_md5,"
                         " coalesce(nullif(a.max_message_bytes, 0), d.max_message_bytes)"
                         " FROM accounts a JOIN addresses p ON p.account = a.id AND p.is_primary = 1"
                         " JOIN domains d ON d.id = p.domain WHERE a.id = ?",
                         id);
    if (rows.next())
        return LoginAccount{.id = id,
                            .hash = std::string(rows.text(0)),
                            .scram = std::string(rows.text(7)),
                            .cram_md5 = std::string(rows.text(8)),
                            .wants_cram_md5 = rows.number(9) != 0,
                            .address = mail::Mailbox{std::string(rows.text(1)), std::string(rows.text(2))}.text(),
                            .may_log_in = rows.number(3) == static_cast<int>(ipc::AccountStatus::active) &&
                                          rows.number(4) == static_cast<int>(ipc::DomainStatus::active),
                            .quota_bytes = rows.count(5),
                            .quota_messages = rows.count(6),
                            .max_message_bytes = rows.count(10)};
    if (auto failed = rows.failed()) return *failed;
    return Error(Errc::not_found, "no such account");
}

} // namespace postern::authd
