#include "authd/app_password.h"

#include "authd/address.h"
#include "libcommon/ids.h"
#include "libcommon/text.h"

#include <array>

namespace postern::authd {
namespace {

constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";   // Crockford's base 32: no i, l, o, u
constexpr std::size_t group = 5, length = 5 * group;

unsigned bit(ipc::AppScope scope) { return 1U << static_cast<unsigned>(scope); }

unsigned bits(const ipc::AppScopes& scopes) {
    unsigned out = 0;
    for (const ipc::AppScope scope : scopes) out |= bit(scope);
    return out;
}
ipc::AppScopes scopes_of(unsigned bits) {
    ipc::AppScopes out;
    for (unsigned i = 0; i <= static_cast<unsigned>(last_enumerator(ipc::AppScope{})); ++i)
        if (const auto scope = static_cast<ipc::AppScope>(i); (bits & bit(scope)) != 0) out.push_back(scope);
    return out;
}

// In the order of ipc::Protocol.
constexpr ipc::AppScope scope_of[] = {ipc::AppScope::smtp, ipc::AppScope::smtp, ipc::AppScope::imap, ipc::AppScope::api};
static_assert(std::size(scope_of) == static_cast<std::size_t>(last_enumerator(ipc::Protocol{})) + 1);

Result<void> check(const ipc::AddAppPassword& request, std::int64_t now) {
    if (request.name.empty() || !is_utf8(request.name)) return Error(Errc::invalid, "an app password needs a name, in UTF-8");
    if (request.scopes.empty()) return Error(Errc::invalid, "an app password needs a scope");
    if (request.expires != 0 && request.expires <= now) return Error(Errc::invalid, "it would have expired already");
    return {};
}

Result<void> check_room(Database& db, AccountId account) {
    Rows rows = db.query("SELECT count(*) FROM app_passwords WHERE account = ?", account);
    const bool full = rows.next() && rows.count(0) >= ipc::max_app_passwords;
    if (auto failed = rows.failed()) return *failed;
    if (full) return Error(Errc::conflict, "the account has as many app passwords as it may have");
    return {};
}

} // namespace

std::string make_app_password() {
    std::array<std::uint8_t, length> random;
    random_bytes(random.data(), random.size());
    std::string text;
    for (std::size_t i = 0; i < length; ++i) {
        if (i != 0 && i % group == 0) text.push_back('-');
        text.push_back(alphabet[random[i] % alphabet.size()]);
    }
    return text;
}

std::optional<std::string> as_app_password(std::string_view typed) {
    std::string text;
    for (const char c : typed) {
        if (c == '-' || c == ' ') continue;
        if (text.size() == length || alphabet.find(ascii_lower(c)) == alphabet.npos) return std::nullopt;
        text.push_back(ascii_lower(c));
    }
    if (text.size() != length) return std::nullopt;
    return text;
}

std::string_view selector_of(std::string_view app_password) { return app_password.substr(0, group); }

bool is_in_scope(const AppPassword& row, ipc::Protocol protocol) {
    return (row.scopes & bit(scope_of[static_cast<std::size_t>(protocol)])) != 0;
}
bool has_expired(const AppPassword& row, std::int64_t now) { return row.expires != 0 && now >= row.expires; }

Result<AppPassword> app_password_of(Database& db, AccountId account, std::string_view selector) {
    Rows rows = db.query("SELECT id, name, hash, scopes, expires FROM app_passwords WHERE account = ? AND selector = ?",
                         account, selector);
    AppPassword found;
    if (rows.next())
        found = {.id = rows.count(0),
                 .name = std::string(rows.text(1)),
                 .hash = std::string(rows.text(2)),
                 .scopes = static_cast<unsigned>(rows.number(3)),
                 .expires = rows.number(4)};
    if (auto failed = rows.failed()) return *failed;
    return found;
}

Result<std::uint64_t> add_app_password(Database& db, const ipc::AddAppPassword& request, std::string_view selector,
                                       std::string_view hash, std::int64_t now) {
    if (auto good = check(request, now); !good) return good.error();
    auto account = account_at(db, request.account);
    if (!account) return account;
    if (auto room = check_room(db, *account); !room) return room.error();
    auto made = db.run("INSERT INTO app_passwords (account, name, selector, hash, scopes, created, last_used, expires)"
                       " VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
                       *account, request.name.view(), selector, hash, bits(request.scopes), now, request.expires);
    if (!made && made.error().code() == Errc::exists)
        return Error(Errc::exists, "the account has an app password of that name");
    if (!made) return made.error();
    return account;
}

Result<std::uint64_t> remove_app_password(Database& db, const ipc::RemoveAppPassword& request) {
    auto account = account_at(db, request.account);
    if (!account) return account;
    auto done = db.run("DELETE FROM app_passwords WHERE account = ? AND name = ?", *account, request.name.view());
    if (!done) return done.error();
    if (db.changed_rows() == 0) return Error(Errc::not_found, "the account has no app password of that name");
    return account;
}

Result<ipc::AppPasswordListing> list_app_passwords(Database& db, const ipc::ListAppPasswords& request) {
    ipc::AppPasswordListing listing;
    auto account = account_at(db, request.account);
    if (!account && account.error().code() != Errc::not_found) return account.error();
    listing.found = account.ok();
    if (!listing.found) return listing;
    Rows rows = db.query("SELECT name, scopes, created, last_used, expires FROM app_passwords WHERE account = ? ORDER BY name",
                         *account);
    while (rows.next())
        listing.rows.push_back({.name = rows.text(0),
                                .scopes = scopes_of(static_cast<unsigned>(rows.number(1))),
                                .created = rows.number(2),
                                .last_used = rows.number(3),
                                .expires = rows.number(4)});
    if (auto failed = rows.failed()) return *failed;
    return listing;
}

Result<void> store_last_used(Database& db, std::uint64_t id, std::int64_t time) {
    return db.run("UPDATE app_passwords SET last_used = ? WHERE id = ?", time, id);
}

} // namespace postern::authd
