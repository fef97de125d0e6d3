#include "authd/aliases.h"

#include "authd/address.h"
#include "authd/alias_loop.h"
#include "libcommon/text.h"

#include <algorithm>

namespace postern::authd {
namespace {

Result<std::uint64_t> alias_at(Database& db, const OwnAddress& address) {
    Rows rows = db.query("SELECT al.id FROM addresses a JOIN aliases al ON al.id = a.alias"
                         " WHERE a.domain = ? AND a.local_part = ? AND al.posting IS NULL",
                         address.domain, address.mailbox.local_part);
    if (rows.next()) return rows.count(0);
    if (auto failed = rows.failed()) return *failed;
    return Error(Errc::not_found, "no such alias: " + address.mailbox.text());
}

Result<void> check(const ipc::SaveAlias& request) {
    if (request.alias.targets.empty()) return Error(Errc::invalid, "an alias needs at least one target");
    if (request.term.until != 0 && request.term.until <= request.term.from)
        return Error(Errc::invalid, "the alias would end before it begins");
    return {};
}

} // namespace

Result<std::uint64_t> insert_alias(Database& db, const OwnAddress& address) {
    if (auto made = db.run("INSERT INTO aliases (active) VALUES (1)"); !made) return made.error();
    const auto id = static_cast<std::uint64_t>(db.last_id());
    auto named = db.run("INSERT INTO addresses (domain, local_part, alias, is_primary) VALUES (?, ?, ?, 0)",
                        address.domain, address.mailbox.local_part, id);
    if (!named && named.error().code() == Errc::exists)
        return Error(Errc::exists, "the address is taken: " + address.mailbox.text());
    if (!named) return named.error();
    return id;
}

namespace {

// A target here is kept in the form it is looked up in; a foreign local part keeps its case (RFC 5321 section 2.4).
Result<std::string> stored_target(Database& db, std::string_view target, const std::string& self) {
    auto mailbox = mail::parse_mailbox(target);
    if (!mailbox) return mailbox.error().with("target", printable(target));
    auto own = own_address(db, target);
    if (!own && own.error().code() != Errc::not_found) return own.error();
    std::string text = own ? own->mailbox.text() : mailbox->text();
    if (text == self) return Error(Errc::invalid, "an alias cannot lead to itself: " + self);
    return text;
}

Result<void> store(Database& db, std::uint64_t alias, const OwnAddress& address, const ipc::SaveAlias& request) {
    if (auto gone = db.run("DELETE FROM alias_targets WHERE alias = ?", alias); !gone) return gone;
    const std::string self = address.mailbox.text();
    std::size_t position = 0;
    for (const auto& target : request.alias.targets) {
        auto text = stored_target(db, target, self);
        if (!text) return text.error();
        auto added = db.run("INSERT INTO alias_targets (alias, position, target) VALUES (?, ?, ?)", alias, position++,
                            *text);
        if (!added) return added;
    }
    return db.run("UPDATE aliases SET active = ?, valid_from = ?, valid_until = ? WHERE id = ?",
                  request.alias.active ? 1 : 0, request.term.from, request.term.until, alias);
}

} // namespace

Result<std::uint64_t> save_alias(Database& db, const ipc::SaveAlias& request) {
    if (auto good = check(request); !good) return good.error();
    auto address = own_address(db, request.alias.address);
    if (!address) return address.error();
    auto alias = request.create ? insert_alias(db, *address) : alias_at(db, *address);
    if (!alias) return alias;
    if (auto stored = store(db, *alias, *address, request); !stored) return stored.error();
    if (auto ends = check_no_loop(db, *alias); !ends) return ends.error();
    return alias;
}

Result<std::uint64_t> delete_alias(Database& db, std::string_view address) {
    auto own = own_address(db, address);
    if (!own) return own.error();
    auto alias = alias_at(db, *own);
    if (!alias) return alias;
    if (auto done = db.run("DELETE FROM aliases WHERE id = ?", *alias); !done) return done.error();   // all follows
    return alias;
}

Result<std::vector<std::string>> alias_targets(Database& db, std::uint64_t alias) {
    std::vector<std::string> targets;
    Rows rows = db.query("SELECT target FROM alias_targets WHERE alias = ? ORDER BY position", alias);
    while (rows.next()) targets.emplace_back(rows.text(0));
    if (auto failed = rows.failed()) return *failed;
    return targets;
}

Result<ipc::AliasListing> list_aliases(Database& db, const ipc::ListAliases& page) {
    ipc::AliasListing listing;
    mail::Mailbox only, after;
    if (!page.only.empty()) {
        auto parsed = canonical(page.only);
        if (!parsed) return parsed.error();
        only = *parsed;
    }
    if (!page.after.empty()) {
        auto parsed = canonical(page.after);
        if (!parsed) return parsed.error();
        after = *parsed;
    }
    std::vector<std::uint64_t> ids;
    {
        Rows rows = db.query("SELECT al.id, a.local_part, d.name, al.active, al.valid_from, al.valid_until FROM addresses a"
                             " JOIN aliases al ON al.id = a.alias AND al.posting IS NULL JOIN domains d ON d.id = a.domain"
                             " WHERE (?1 = '' OR (a.local_part = ?1 AND d.name = ?2)) AND (?3 = '' OR d.name = ?3)"
                             " AND (d.name, a.local_part) > (?4, ?5) ORDER BY d.name, a.local_part LIMIT ?6",
                             only.local_part, only.domain, ascii_lower(page.domain), after.domain, after.local_part,
                             std::min<std::size_t>(page.limit, decltype(listing.rows)::limit));
        while (rows.next()) {
            ids.push_back(rows.count(0));
            listing.rows.push_back(
                {.address = mail::Mailbox{std::string(rows.text(1)), std::string(rows.text(2))}.text(),
                 .active = rows.number(3) != 0,
                 .targets = {}});
            listing.terms.push_back({.from = rows.number(4), .until = rows.number(5)});
        }
        if (auto failed = rows.failed()) return *failed;
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
        auto targets = alias_targets(db, ids[i]);
        if (!targets) return targets.error();
        for (auto& target : *targets) listing.rows.items[i].targets.push_back(std::move(target));
    }
    return listing;
}

} // namespace postern::authd
