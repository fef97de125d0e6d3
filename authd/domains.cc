#include "authd/domains.h"

#include "authd/address.h"
#include "authd/organizations.h"
#include "libcommon/text.h"

#include <algorithm>

namespace postern::authd {
namespace {

// RFC 5233 leaves the separator to the site; a character that a quoted local part would need is asking for trouble.
bool are_separators(std::string_view text) {
    return text.find_first_not_of("+-_=#~!%^&*|") == text.npos;
}

Result<void> check(const ipc::DomainSettings& settings) {
    if (settings.separator && !are_separators(*settings.separator))
        return Error(Errc::invalid, "the separators of subaddresses are any of + - _ = # ~ ! % ^ & * | or none");
    if (settings.catch_all && !settings.catch_all->empty())
        if (auto good = canonical(*settings.catch_all); !good) return good.error().with("field", "catch_all");
    for (const auto& [field, amount] : {std::pair("default_quota_bytes", &settings.default_quota_bytes),
                                        std::pair("default_quota_messages", &settings.default_quota_messages),
                                        std::pair("max_accounts", &settings.max_accounts),
                                        std::pair("max_message_bytes", &settings.max_message_bytes)})
        if (auto good = check_amount(field, *amount); !good) return good;
    return {};
}

template <class T> std::optional<std::string_view> view(const std::optional<T>& text) {
    if (!text) return std::nullopt;
    return text->view();
}
std::optional<int> number(const std::optional<ipc::DomainStatus>& status) {
    if (!status) return std::nullopt;
    return static_cast<int>(*status);
}

// An absent value is bound as NULL, and coalesce keeps what is there.
Result<void> store(Database& db, std::uint64_t id, const ipc::DomainSettings& s) {
    return db.run("UPDATE domains SET status = coalesce(?, status), catch_all = coalesce(?, catch_all),"
                  " separator = coalesce(?, separator),"
                  " default_quota_bytes = coalesce(?, default_quota_bytes),"
                  " default_quota_messages = coalesce(?, default_quota_messages),"
                  " max_accounts = coalesce(?, max_accounts), max_message_bytes = coalesce(?, max_message_bytes),"
                  " backup_mx = coalesce(?, backup_mx) WHERE id = ?",
                  number(s.status), view(s.catch_all), view(s.separator), s.default_quota_bytes,
                  s.default_quota_messages, s.max_accounts, s.max_message_bytes, s.backup_mx, id);
}

} // namespace

Result<std::uint64_t> domain_named(Database& db, std::string_view name) {
    Rows rows = db.query("SELECT id FROM domains WHERE name = ?", ascii_lower(name));
    if (rows.next()) return rows.count(0);
    if (auto failed = rows.failed()) return *failed;
    return Error(Errc::not_found, "no such domain here: " + printable(name));
}

Result<void> check_amount(std::string_view field, const std::optional<std::uint64_t>& amount) {
    if (amount && *amount > static_cast<std::uint64_t>(INT64_MAX))
        return Error(Errc::invalid, "the number is too large").with("field", field);
    return {};
}

Result<std::uint64_t> create_domain(Database& db, const ipc::CreateDomain& request, std::int64_t now) {
    auto name = mail::parse_domain(request.name);
    if (!name) return name.error();
    if (auto good = check(request.settings); !good) return good.error();
    auto organization = ensure_organization(db, request.organization, now);
    if (!organization) return organization;
    auto made = db.run("INSERT INTO domains (organization, name, status, catch_all, separator, default_quota_bytes,"
                       " default_quota_messages, max_accounts, created) VALUES (?, ?, 0, '', '+', 0, 0, 0, ?)",
                       *organization, *name, now);
    if (!made) return made.error();
    const auto id = static_cast<std::uint64_t>(db.last_id());
    if (auto set = store(db, id, request.settings); !set) return set.error();
    return id;
}

Result<std::uint64_t> change_domain(Database& db, std::string_view name, const ipc::DomainSettings& settings) {
    if (auto good = check(settings); !good) return good.error();
    auto id = domain_named(db, name);
    if (!id) return id;
    if (auto set = store(db, *id, settings); !set) return set.error();
    return id;
}

Result<std::uint64_t> delete_domain(Database& db, std::string_view name) {
    auto id = domain_named(db, name);
    if (!id) return id;
    auto done = db.run("DELETE FROM domains WHERE id = ?", *id);
    if (!done && done.error().code() == Errc::conflict)
        return Error(Errc::conflict, "the domain still has addresses or aliases");
    if (!done) return done.error();
    return id;
}

Result<ipc::DomainListing> list_domains(Database& db, const ipc::ListDomains& page) {
    ipc::DomainListing listing;
    Rows rows = db.query("SELECT d.id, d.name, o.name, d.status, d.catch_all, d.separator, d.default_quota_bytes,"
                         " d.default_quota_messages, d.max_accounts,"
                         " (SELECT count(*) FROM addresses a WHERE a.domain = d.id AND a.account IS NOT NULL),"
                         " (SELECT count(*) FROM addresses a WHERE a.domain = d.id AND a.alias IS NOT NULL),"
                         " d.created, d.max_message_bytes, d.backup_mx,"
                         " (SELECT count(*) FROM backup_recipients r WHERE r.domain = d.id AND r.staged = 0)"
                         " FROM domains d JOIN organizations o ON o.id = d.organization"
                         " WHERE (?1 = '' OR d.name = ?1) AND d.name > ?2 ORDER BY d.name LIMIT ?3",
                         ascii_lower(page.only), ascii_lower(page.after),
                         std::min<std::size_t>(page.limit, ipc::max_page));
    while (rows.next()) {
        listing.rows.push_back({.id = rows.count(0), .name = rows.text(1), .organization = rows.text(2),
                                .status = static_cast<ipc::DomainStatus>(rows.number(3)), .catch_all = rows.text(4),
                                .separator = rows.text(5), .default_quota_bytes = rows.count(6),
                                .default_quota_messages = rows.count(7), .max_accounts = rows.count(8),
                                .addresses = rows.count(9), .aliases = rows.count(10), .created = rows.number(11)});
        listing.terms.push_back({.max_message_bytes = rows.count(12), .backup_mx = rows.number(13) != 0});
        listing.backups.push_back({.recipients = rows.count(14)});
    }
    if (auto failed = rows.failed()) return *failed;
    return listing;
}

} // namespace postern::authd
