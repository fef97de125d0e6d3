#include "authd/organizations.h"

#include "libcommon/text.h"

#include <algorithm>

namespace postern::authd {
namespace {

Result<void> check_name(std::string_view name) {
    if (name.empty() || name.size() > ipc::OrganizationName::limit || !is_utf8(name))
        return Error(Errc::invalid, "an organization's name has 1 to 128 bytes of UTF-8");
    return {};
}

Result<std::uint64_t> id_of(Database& db, std::string_view name) {
    Rows rows = db.query("SELECT id FROM organizations WHERE name = ?", name);
    if (rows.next()) return rows.count(0);
    if (auto failed = rows.failed()) return *failed;
    return Error(Errc::not_found, "no such organization: " + printable(name));
}

} // namespace

Result<std::uint64_t> create_organization(Database& db, std::string_view name, std::int64_t now) {
    if (auto good = check_name(name); !good) return good.error();
    if (auto made = db.run("INSERT INTO organizations (name, created) VALUES (?, ?)", name, now); !made)
        return made.error();
    return static_cast<std::uint64_t>(db.last_id());
}

Result<std::uint64_t> rename_organization(Database& db, std::string_view name, std::string_view new_name) {
    if (auto good = check_name(new_name); !good) return good.error();
    auto id = id_of(db, name);
    if (!id) return id;
    if (auto done = db.run("UPDATE organizations SET name = ? WHERE id = ?", new_name, *id); !done) return done.error();
    return id;
}

Result<std::uint64_t> delete_organization(Database& db, std::string_view name) {
    auto id = id_of(db, name);
    if (!id) return id;
    auto done = db.run("DELETE FROM organizations WHERE id = ?", *id);
    if (!done && done.error().code() == Errc::conflict)
        return Error(Errc::conflict, "the organization still owns domains or accounts");
    if (!done) return done.error();
    return id;
}

Result<std::uint64_t> ensure_organization(Database& db, std::string_view name, std::int64_t now) {
    if (name.empty()) name = default_organization;
    auto id = id_of(db, name);
    if (id || id.error().code() != Errc::not_found) return id;
    return create_organization(db, name, now);
}

Result<ipc::OrganizationListing> list_organizations(Database& db, const ipc::ListOrganizations& page) {
    ipc::OrganizationListing listing;
    Rows rows = db.query("SELECT id, name, created,"
                         " (SELECT count(*) FROM domains d WHERE d.organization = o.id),"
                         " (SELECT count(*) FROM accounts a WHERE a.organization = o.id)"
                         " FROM organizations o WHERE name > ? ORDER BY name LIMIT ?",
                         page.after.view(), std::min<std::size_t>(page.limit, ipc::max_page));
    while (rows.next())
        listing.rows.push_back({.id = rows.count(0), .name = rows.text(1), .created = rows.number(2),
                                .domains = rows.count(3), .accounts = rows.count(4)});
    if (auto failed = rows.failed()) return *failed;
    return listing;
}

} // namespace postern::authd
