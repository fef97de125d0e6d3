#include "authd/groups.h"

#include "authd/alias_loop.h"
#include "authd/aliases.h"
#include "libcommon/text.h"

#include <algorithm>

namespace postern::authd {
namespace {

Result<std::uint64_t> group_at(Database& db, std::string_view address) {
    auto own = own_address(db, address);
    if (!own) return own.error();
    Rows rows = db.query("SELECT al.id FROM addresses a JOIN aliases al ON al.id = a.alias"
                         " WHERE a.domain = ? AND a.local_part = ? AND al.posting IS NOT NULL",
                         own->domain, own->mailbox.local_part);
    if (rows.next()) return rows.count(0);
    if (auto failed = rows.failed()) return *failed;
    return Error(Errc::not_found, "no such group: " + own->mailbox.text());
}

Result<std::uint64_t> insert_group(Database& db, std::string_view address) {
    auto own = own_address(db, address);
    if (!own) return own.error();
    auto id = insert_alias(db, *own);
    if (!id) return id;
    auto set = db.run("UPDATE aliases SET posting = ? WHERE id = ?", static_cast<int>(ipc::Posting::members), *id);
    if (!set) return set.error();
    return id;
}

// The form addresses are compared in; a foreign local part keeps its case (RFC 5321 section 2.4).
Result<std::string> stored_poster(Database& db, std::string_view poster) {
    auto own = own_address(db, poster);
    if (own) return own->mailbox.text();
    if (own.error().code() != Errc::not_found) return own.error();
    auto foreign = mail::parse_mailbox(poster);
    if (!foreign) return foreign.error();
    return foreign->text();
}

Result<void> store_posters(Database& db, std::uint64_t group, const List<ipc::Address, ipc::max_posters>& posters) {
    if (auto gone = db.run("DELETE FROM group_posters WHERE alias = ?", group); !gone) return gone;
    std::size_t position = 0;
    for (const auto& poster : posters) {
        auto text = stored_poster(db, poster);
        if (!text) return text.error().with("poster", printable(poster));
        auto added = db.run("INSERT INTO group_posters (alias, position, poster) VALUES (?, ?, ?)", group, position++, *text);
        if (!added) return added;
    }
    return {};
}

Result<void> store(Database& db, std::uint64_t group, const ipc::GroupSettings& s) {
    if (s.posters)
        if (auto stored = store_posters(db, group, *s.posters); !stored) return stored;
    const auto posting = s.posting ? std::optional(static_cast<int>(*s.posting)) : std::nullopt;
    return db.run("UPDATE aliases SET active = coalesce(?, active), posting = coalesce(?, posting) WHERE id = ?",
                  s.active, posting, group);
}

// A member is an address that exists here, or a subaddress of one that may: mail to it never leaves this host.
Result<std::string> stored_member(Database& db, std::string_view member) {
    auto own = own_address(db, member);
    if (!own) return own.error();
    Rows rows = db.query("SELECT 1 FROM addresses a JOIN domains d ON d.id = a.domain WHERE d.id = ?1 AND (local_part = ?2"
                         " OR (separator <> '' AND substr(?2, 1, length(local_part)) = local_part"
                         " AND instr(separator, substr(?2, length(local_part) + 1, 1)) > 0))",
                         own->domain, own->mailbox.local_part);
    const bool known = rows.next();
    if (auto failed = rows.failed()) return *failed;
    if (!known) return Error(Errc::not_found, "no such address here: " + own->mailbox.text());
    return own->mailbox.text();
}

Result<void> add_member(Database& db, std::uint64_t group, std::string_view address) {
    auto member = stored_member(db, address);
    if (!member) return member.error();
    return db.run("INSERT INTO alias_targets (alias, position, target)"
                  " SELECT ?1, (SELECT coalesce(max(position) + 1, 0) FROM alias_targets WHERE alias = ?1), ?2"
                  " WHERE NOT EXISTS (SELECT 1 FROM alias_targets WHERE alias = ?1 AND target = ?2)",
                  group, *member);
}

Result<void> remove_member(Database& db, std::uint64_t group, std::string_view address) {
    auto member = canonical(address);                      // it need not exist any more
    if (!member) return member.error();
    auto gone = db.run("DELETE FROM alias_targets WHERE alias = ? AND target = ?", group, member->text());
    if (gone && db.changed_rows() == 0) return Error(Errc::not_found, "not a member: " + member->text());
    return gone;
}

template <class Addresses> Result<void> add_members(Database& db, std::uint64_t group, const Addresses& members) {
    for (const auto& member : members)
        if (auto done = add_member(db, group, member); !done) return done;
    return {};
}

Result<void> check_members(Database& db, std::uint64_t group) {
    Rows rows = db.query("SELECT count(*) FROM alias_targets WHERE alias = ?", group);
    const bool too_many = rows.next() && rows.count(0) > ipc::max_members;
    if (auto failed = rows.failed()) return *failed;
    if (too_many) return Error(Errc::conflict, "a group has at most " + std::to_string(ipc::max_members) + " members");
    return check_no_loop(db, group);
}

template <std::size_t N> Result<void> copy(const Result<std::vector<std::string>>& from, List<ipc::Address, N>& into) {
    if (!from) return from.error();
    for (const auto& each : *from) into.push_back(each);
    return {};
}

} // namespace

Result<std::uint64_t> save_group(Database& db, const ipc::SaveGroup& request) {
    auto group = request.create ? insert_group(db, request.address) : group_at(db, request.address);
    if (!group) return group;
    if (auto stored = store(db, *group, request.settings); !stored) return stored.error();
    if (!request.create) return group;
    if (auto added = add_members(db, *group, request.members); !added) return added.error();
    if (auto good = check_members(db, *group); !good) return good.error();
    return group;
}

Result<std::uint64_t> change_members(Database& db, const ipc::ChangeMembers& request) {
    auto group = group_at(db, request.group);
    if (!group) return group;
    for (const auto& member : request.remove)
        if (auto done = remove_member(db, *group, member); !done) return done.error();
    if (auto added = add_members(db, *group, request.add); !added) return added.error();
    if (auto good = check_members(db, *group); !good) return good.error();
    return group;
}

Result<std::uint64_t> delete_group(Database& db, std::string_view address) {
    auto group = group_at(db, address);
    if (!group) return group;
    if (auto done = db.run("DELETE FROM aliases WHERE id = ?", *group); !done) return done.error();   // all follows
    return group;
}

Result<std::vector<std::string>> group_posters(Database& db, std::uint64_t group) {
    std::vector<std::string> posters;
    Rows rows = db.query("SELECT poster FROM group_posters WHERE alias = ? ORDER BY position", group);
    while (rows.next()) posters.emplace_back(rows.text(0));
    if (auto failed = rows.failed()) return *failed;
    return posters;
}

Result<ipc::GroupListing> list_groups(Database& db, const ipc::ListGroups& page) {
    ipc::GroupListing listing;
    mail::Mailbox only, after;
    for (const auto& [text, into] : {std::pair(&page.only, &only), std::pair(&page.after, &after)}) {
        if (text->empty()) continue;
        auto parsed = canonical(*text);
        if (!parsed) return parsed.error();
        *into = *parsed;
    }
    std::vector<std::uint64_t> ids;
    {
        Rows rows = db.query("SELECT al.id, a.local_part, d.name, al.active, al.posting,"
                             " (SELECT count(*) FROM alias_targets t WHERE t.alias = al.id) FROM addresses a"
                             " JOIN aliases al ON al.id = a.alias AND al.posting IS NOT NULL JOIN domains d ON d.id = a.domain"
                             " WHERE (?1 = '' OR (a.local_part = ?1 AND d.name = ?2)) AND (?3 = '' OR d.name = ?3)"
                             " AND (d.name, a.local_part) > (?4, ?5) ORDER BY d.name, a.local_part LIMIT ?6",
                             only.local_part, only.domain, ascii_lower(page.domain), after.domain, after.local_part,
                             std::min<std::size_t>(page.limit, decltype(listing.rows)::limit));
        while (rows.next()) {
            ids.push_back(rows.count(0));
            listing.rows.push_back({.address = mail::Mailbox{std::string(rows.text(1)), std::string(rows.text(2))}.text(),
                                    .active = rows.number(3) != 0,
                                    .posting = static_cast<ipc::Posting>(rows.number(4)),
                                    .posters = {},
                                    .members = rows.count(5)});
        }
        if (auto failed = rows.failed()) return *failed;
    }
    for (std::size_t i = 0; i < ids.size(); ++i)
        if (auto read = copy(group_posters(db, ids[i]), listing.rows.items[i].posters); !read) return read.error();
    if (!page.only.empty() && !ids.empty())
        if (auto read = copy(alias_targets(db, ids.front()), listing.members); !read) return read.error();
    return listing;
}

} // namespace postern::authd
