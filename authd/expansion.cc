#include "authd/expansion.h"

#include "authd/address.h"
#include "authd/aliases.h"
#include "authd/backup_recipients.h"
#include "authd/groups.h"
#include "libcommon/text.h"

#include <algorithm>

namespace postern::authd {

using ipc::RecipientStatus;

namespace {

// RFC 5321 section 4.5.1 and RFC 2142 section 4: these two reach a person whatever is configured.
bool is_reserved(std::string_view local_part) {
    return iequals(local_part, "postmaster") || iequals(local_part, "abuse");
}

// What a list of targets comes to: one that can be delivered is enough; else the most telling failure. Too many is never
// cut to what fits: somebody would miss his mail and nobody would know.
RecipientStatus better(RecipientStatus a, RecipientStatus b) {
    constexpr RecipientStatus order[] = {RecipientStatus::too_many, RecipientStatus::deliver, RecipientStatus::unavailable,
                                         RecipientStatus::loop, RecipientStatus::disabled};
    for (RecipientStatus status : order)
        if (a == status || b == status) return status;
    return RecipientStatus::unknown_user;
}

template <class T> bool contains(const std::vector<T>& items, const T& item) {
    return std::find(items.begin(), items.end(), item) != items.end();
}

// One expansion: depth first, in the order targets were given.
class Walk {
  public:
    Walk(Database& db, const Domains& domains, const RoleSettings& roles, const Returns& returns, std::int64_t now)
        : db_(db), domains_(domains), roles_(roles), returns_(returns), now_(now) {}

    // The status of this address; what it leads to is collected in `out`.
    Result<RecipientStatus> start(std::string_view address);

    Expansion out;

  private:
    struct Entry {
        std::uint64_t account = 0, alias = 0;   // one of them
        bool in_force = true;                   // of an alias
        std::optional<ipc::Posting> posting;    // of a group
        std::string_view detail;
    };
    Result<RecipientStatus> visit(const mail::Mailbox& mailbox, std::string_view detail);
    Result<std::optional<Entry>> look_up(const Domain& domain, std::string_view local_part);
    Result<std::optional<Entry>> find(const Domain& domain, std::string_view local_part);
    bool in_force(bool active, std::int64_t from, std::int64_t until);
    Result<RecipientStatus> to_account(AccountId account, const mail::Mailbox& mailbox, std::string_view detail);
    Result<RecipientStatus> to_alias(const Domain& domain, const mail::Mailbox& mailbox, const Entry& entry, std::string_view detail);
    Result<RecipientStatus> to_group(const Domain& domain, const mail::Mailbox& mailbox, const Entry& entry,
                                     const std::vector<std::string>& members);
    Result<RecipientStatus> to_targets(const std::vector<std::string>& targets, std::string_view detail);
    Result<RecipientStatus> to_nobody(const Domain& domain, const mail::Mailbox& mailbox);
    Result<RecipientStatus> to_backup(const Domain& domain, const mail::Mailbox& mailbox);
    Result<RecipientStatus> to_postmaster(const Domain& domain, const mail::Mailbox& mailbox);
    Result<RecipientStatus> to_origin(const mail::Mailbox& mailbox);
    RecipientStatus to_foreign(const mail::Mailbox& mailbox);
    bool is_role(std::string_view local_part) const;
    std::string first_domain() const;

    Database& db_;
    const Domains& domains_;
    const RoleSettings& roles_;
    const Returns& returns_;
    const std::int64_t now_;
    std::vector<std::string> path_;   // what is being expanded: one that comes again is a loop
    unsigned groups_ = 0;             // of them are groups
    unsigned hearsay_ = 0;            // of them are groups and catch-alls: no right to speak for the address
};

bool Walk::is_role(std::string_view local_part) const {
    return is_reserved(local_part) || std::any_of(roles_.names.begin(), roles_.names.end(),
                                                  [&](const std::string& name) { return iequals(name, local_part); });
}

std::string Walk::first_domain() const {
    const Domains::value_type* first = nullptr;
    for (const auto& domain : domains_)
        if (!domain.second.backup_mx && (!first || domain.second.id < first->second.id)) first = &domain;
    return first ? first->first : "invalid";               // a name that nobody can have: RFC 6761 section 6.4
}

Result<RecipientStatus> Walk::start(std::string_view address) {
    auto mailbox = mail::parse_mailbox(address);
    // Without a domain it is this host's: "postmaster" (RFC 5321 section 4.1.1.3), and what had an address literal of ours
    // (section 4.1.3). The first domain's, here.
    const bool bare = !mailbox;
    if (bare) mailbox = mail::parse_mailbox(std::string(address) + "@" + first_domain());
    if (!mailbox) return RecipientStatus::invalid;
    const auto domain = domains_.find(mailbox->domain);
    if (domain == domains_.end()) return bare ? RecipientStatus::unknown_user : RecipientStatus::foreign;
    // As backup MX we are no forwarder: the other host knows that its mail comes through us.
    if (!domain->second.backup_mx) out.forwarder = domain->first;
    auto status = visit(*mailbox, "");
    out.reserved = is_reserved(mailbox->local_part);
    const bool lost = status && (*status == RecipientStatus::unknown_user || *status == RecipientStatus::disabled ||
                                 *status == RecipientStatus::loop);
    // Of a domain that is another host's the further roles are that host's to have.
    const bool role = domain->second.backup_mx ? out.reserved : is_role(mailbox->local_part);
    return lost && domain->second.active && role ? to_postmaster(domain->second, *mailbox) : status;
}

Result<RecipientStatus> Walk::visit(const mail::Mailbox& mailbox, std::string_view detail) {
    const auto domain = domains_.find(mailbox.domain);
    if (domain == domains_.end()) return to_foreign(mailbox);
    if (!domain->second.active) return RecipientStatus::disabled;
    auto entry = find(domain->second, mailbox.local_part);
    if (!entry) return entry.error();
    if (!*entry && domain->second.backup_mx) return to_backup(domain->second, mailbox);
    if (!*entry) return Srs::is_srs(mailbox.local_part) ? to_origin(mailbox) : to_nobody(domain->second, mailbox);
    const Entry& found = **entry;
    if (!found.detail.empty()) detail = found.detail;
    return found.account != 0 ? to_account(found.account, mailbox, detail)
                              : to_alias(domain->second, mailbox, found, detail);
}

// Notes when the answer changes by itself.
bool Walk::in_force(bool active, std::int64_t from, std::int64_t until) {
    if (!active || (until != 0 && now_ >= until)) return false;
    if (now_ < from) return out.until = std::min(out.until, from), false;
    if (until != 0) out.until = std::min(out.until, until);
    return true;
}

Result<std::optional<Walk::Entry>> Walk::look_up(const Domain& domain, std::string_view local_part) {
    Rows rows = db_.query("SELECT a.account, a.alias, al.active, al.valid_from, al.valid_until, al.posting"
                          " FROM addresses a LEFT JOIN aliases al ON al.id = a.alias WHERE a.domain = ? AND a.local_part = ?",
                          domain.id, ascii_lower(local_part));
    if (rows.next()) {
        Entry entry{.account = rows.count(0), .alias = rows.count(1), .in_force = true, .posting = {}, .detail = {}};
        if (entry.alias != 0) entry.in_force = in_force(rows.number(2) != 0, rows.number(3), rows.number(4));
        if (!rows.null(5)) entry.posting = static_cast<ipc::Posting>(rows.number(5));
        return std::optional(entry);
    }
    if (auto failed = rows.failed()) return *failed;
    return std::optional<Entry>();
}

// The exact address first: "a+b" may be somebody's real name. Then without its detail.
Result<std::optional<Walk::Entry>> Walk::find(const Domain& domain, std::string_view local_part) {
    auto entry = look_up(domain, local_part);
    if (!entry || *entry) return entry;
    const auto parts = mail::split_subaddress(local_part, domain.separators);
    if (parts.user.size() == local_part.size()) return entry;
    entry = look_up(domain, parts.user);
    if (entry && *entry) (*entry)->detail = parts.detail;
    return entry;
}

Result<RecipientStatus> Walk::to_account(AccountId account, const mail::Mailbox& mailbox, std::string_view detail) {
    if (hearsay_ == 0 && !contains(out.speakers, account)) out.speakers.push_back(account);
    for (const auto& target : out.verdict.targets)
        if (target.account == account) return RecipientStatus::deliver;
    Rows rows = db_.query("SELECT a.status, coalesce(a.quota_bytes, d.default_quota_bytes),"
                          " coalesce(a.quota_messages, d.default_quota_messages),"
                          " coalesce(nullif(a.max_message_bytes, 0), d.max_message_bytes) FROM accounts a"
                          " JOIN addresses p ON p.account = a.id AND p.is_primary = 1"
                          " JOIN domains d ON d.id = p.domain WHERE a.id = ?",
                          account);
    const bool known = rows.next();
    if (auto failed = rows.failed()) return *failed;
    if (!known || rows.number(0) == static_cast<int>(ipc::AccountStatus::disabled)) return RecipientStatus::disabled;
    if (out.verdict.targets.size() >= decltype(out.verdict.targets)::limit) return RecipientStatus::too_many;
    out.verdict.targets.push_back({.account = account, .delivered_to = mailbox.text(), .detail = detail.substr(0, 64)});
    out.allowances.push_back({.quota_bytes = rows.count(1), .quota_messages = rows.count(2), .size_limit = rows.count(3)});
    return RecipientStatus::deliver;
}

Result<RecipientStatus> Walk::to_alias(const Domain& domain, const mail::Mailbox& mailbox, const Entry& entry,
                                       std::string_view detail) {
    if (!entry.in_force) return RecipientStatus::unknown_user;
    // A subaddress of an alias is that alias: loops are seen whatever the detail.
    std::string name = "alias " + std::to_string(entry.alias);
    if (contains(path_, name) || path_.size() >= max_alias_depth) return RecipientStatus::loop;
    auto targets = alias_targets(db_, entry.alias);
    if (!targets) return targets.error();
    path_.push_back(std::move(name));
    auto status = entry.posting ? to_group(domain, mailbox, entry, *targets) : to_targets(*targets, detail);
    path_.pop_back();
    return status;
}

Result<RecipientStatus> Walk::to_group(const Domain& domain, const mail::Mailbox& mailbox, const Entry& entry,
                                       const std::vector<std::string>& members) {
    if (groups_ == 0 && *entry.posting != ipc::Posting::anyone) {
        auto posters = group_posters(db_, entry.alias);
        if (!posters) return posters.error();
        out.gates.push_back({mailbox.text(), *entry.posting, domain.id, std::move(*posters)});
    }
    ++groups_, ++hearsay_;
    auto status = to_targets(members, "");
    --groups_, --hearsay_;
    return status;
}

// Where outbound mail begins: what stands in `forwards` waits in the queue as no-route until an agent takes it.
RecipientStatus Walk::to_foreign(const mail::Mailbox& mailbox) {
    const ipc::Address address = mailbox.text();
    if (contains(out.verdict.forwards.items, address)) return RecipientStatus::deliver;
    if (out.verdict.forwards.size() >= decltype(out.verdict.forwards)::limit) return RecipientStatus::too_many;
    out.verdict.forwards.push_back(address);
    return RecipientStatus::deliver;
}

// postmaster and abuse are listed by the standards.
Result<RecipientStatus> Walk::to_backup(const Domain& domain, const mail::Mailbox& mailbox) {
    if (!domain.backup_listed || is_reserved(mailbox.local_part)) return to_foreign(mailbox);
    const auto user = mail::split_subaddress(mailbox.local_part, domain.separators).user;
    auto listed = is_backup_recipient(db_, domain.id, mailbox.local_part);
    if (listed && !*listed && user.size() < mailbox.local_part.size()) listed = is_backup_recipient(db_, domain.id, user);
    if (!listed) return listed.error();
    return *listed ? to_foreign(mailbox) : RecipientStatus::unknown_user;
}

Result<RecipientStatus> Walk::to_targets(const std::vector<std::string>& targets, std::string_view detail) {
    RecipientStatus result = RecipientStatus::unknown_user;
    for (const std::string& target : targets) {
        auto mailbox = mail::parse_mailbox(target);
        if (!mailbox) continue;                            // save_alias() let none in
        auto status = visit(*mailbox, detail);
        if (!status) return status;
        result = better(result, *status);
    }
    return result;
}

Result<RecipientStatus> Walk::to_nobody(const Domain& domain, const mail::Mailbox& mailbox) {
    if (is_role(mailbox.local_part)) return to_postmaster(domain, mailbox);
    if (domain.catch_all.empty()) return RecipientStatus::unknown_user;
    std::string name = "catch-all " + std::to_string(domain.id);
    if (contains(path_, name)) return RecipientStatus::unknown_user;
    path_.push_back(std::move(name));
    ++hearsay_;
    auto status = to_targets({domain.catch_all}, "");
    --hearsay_;
    path_.pop_back();
    return status;
}

// Before a catch-all: what came back to an address of ours that is none is nobody's mail.
Result<RecipientStatus> Walk::to_origin(const mail::Mailbox& mailbox) {
    if (out.is_return) return RecipientStatus::loop;       // a domain that was elsewhere when this was made
    auto origin = returns_.srs.origin(mailbox.local_part, returns_.max_days, now_);
    if (const auto* fault = std::get_if<Srs::Fault>(&origin)) {
        out.fault = *fault;
        return RecipientStatus::not_returnable;
    }
    const auto& found = std::get<Srs::Origin>(origin);
    out.is_return = true;
    out.until = std::min(out.until, found.until);
    ++hearsay_;                                            // who gets the reports does not speak for the address
    auto status = visit(found.mailbox, "");
    --hearsay_;
    return status;
}

Result<RecipientStatus> Walk::to_postmaster(const Domain& domain, const mail::Mailbox& mailbox) {
    if (!roles_.postmaster.empty() && !contains(path_, std::string("postmaster"))) {
        path_.push_back("postmaster");
        auto status = to_targets({roles_.postmaster}, "");
        path_.pop_back();
        if (!status || *status == RecipientStatus::deliver) return status;
    }
    std::optional<AccountId> person;
    {
        Rows rows = db_.query("SELECT id FROM accounts WHERE organization = ? AND status <> ?"
                              " ORDER BY role DESC, id LIMIT 1",
                              domain.organization, static_cast<int>(ipc::AccountStatus::disabled));
        if (rows.next()) person = rows.count(0);
        if (auto failed = rows.failed()) return *failed;
    }
    if (!person) return RecipientStatus::unknown_user;
    return to_account(*person, mailbox, "");
}

} // namespace

Result<void> load_domains(Database& db, Domains& into) {
    Rows rows = db.query("SELECT name, id, organization, status, separator, catch_all, backup_mx,"
                         " EXISTS (SELECT 1 FROM backup_recipients r WHERE r.domain = domains.id AND r.staged = 0) FROM domains");
    while (rows.next())
        into.emplace(std::string(rows.text(0)),
                     Domain{.id = rows.count(1),
                            .organization = rows.count(2),
                            .active = rows.number(3) == static_cast<int>(ipc::DomainStatus::active),
                            .backup_mx = rows.number(6) != 0,
                            .backup_listed = rows.number(7) != 0,
                            .separators = std::string(rows.text(4)),
                            .catch_all = std::string(rows.text(5))});
    if (auto failed = rows.failed()) return *failed;
    return {};
}

Result<Expansion> expand(Database& db, const Domains& domains, const RoleSettings& roles, const Returns& returns,
                         std::string_view address, std::int64_t now) {
    Walk walk(db, domains, roles, returns, now);
    auto status = walk.start(address);
    if (!status) return status.error();
    walk.out.verdict.status = *status;
    if (*status == RecipientStatus::deliver) return std::move(walk.out);
    Expansion refused;
    refused.verdict.status = *status;
    refused.fault = walk.out.fault;
    return refused;
}

} // namespace postern::authd
