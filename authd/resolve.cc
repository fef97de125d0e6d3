#include "authd/resolve.h"

#include "authd/address.h"
#include "authd/aliases.h"
#include "authd/send_as.h"
#include "ipc/admin.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

#include <algorithm>

namespace postern::authd {

using ipc::RecipientStatus;

// One expansion: follows aliases depth first, in the order their targets were given; each account once.
class Resolver::Walk {
  public:
    explicit Walk(Resolver& resolver) : resolver_(resolver), db_(resolver.db_) {}

    // The status of this address; what it leads to is collected in `out`.
    Result<RecipientStatus> visit(const mail::Mailbox& mailbox, std::string_view detail);
    Result<RecipientStatus> start(std::string_view address);

    Expansion out;

  private:
    struct Entry {
        std::uint64_t account = 0, alias = 0;   // one of them
        bool active = true;                     // of an alias
        std::string_view detail;
    };
    Result<std::optional<Entry>> look_up(const Domain& domain, std::string_view local_part);
    Result<std::optional<Entry>> find(const Domain& domain, std::string_view local_part);
    Result<RecipientStatus> to_account(AccountId account, const mail::Mailbox& mailbox, std::string_view detail);
    Result<RecipientStatus> to_targets(const std::vector<std::string>& targets, std::string_view detail);
    Result<RecipientStatus> to_nobody(const Domain& domain, const mail::Mailbox& mailbox);
    Result<RecipientStatus> to_postmaster(const Domain& domain, const mail::Mailbox& mailbox);
    RecipientStatus to_foreign(const mail::Mailbox& mailbox);
    bool full();

    Resolver& resolver_;
    Database& db_;
    std::vector<std::string> path_;   // addresses being expanded: one that comes again is a loop
};

namespace {

// RFC 5321 section 4.5.1 and RFC 2142: these always reach a person.
bool is_role(std::string_view local_part) { return iequals(local_part, "postmaster") || iequals(local_part, "abuse"); }

// What a list of targets comes to: one that can be delivered is enough; else the most telling failure.
RecipientStatus better(RecipientStatus a, RecipientStatus b) {
    constexpr RecipientStatus order[] = {RecipientStatus::deliver, RecipientStatus::unavailable,
                                         RecipientStatus::loop, RecipientStatus::disabled};
    for (RecipientStatus status : order)
        if (a == status || b == status) return status;
    return RecipientStatus::unknown_user;
}

} // namespace

bool Resolver::Walk::full() {
    return out.verdict.targets.size() >= decltype(out.verdict.targets)::limit ||
           out.verdict.forwards.size() >= decltype(out.verdict.forwards)::limit;
}

Result<RecipientStatus> Resolver::Walk::start(std::string_view address) {
    auto mailbox = mail::parse_mailbox(address);
    // RFC 5321 section 4.1.1.3: "postmaster" without a domain is this host's; the first domain's here.
    if (!mailbox && iequals(address, "postmaster")) {
        const std::pair<const std::string, Domain>* first = nullptr;
        for (const auto& domain : resolver_.domains_)
            if (!first || domain.second.id < first->second.id) first = &domain;
        if (!first) return RecipientStatus::unknown_user;
        return visit({"postmaster", first->first}, "");
    }
    if (!mailbox) return RecipientStatus::invalid;
    auto status = visit(*mailbox, "");
    // A foreign address is "foreign" when it was asked for, a forward when an alias led there.
    if (status && resolver_.domains_.find(mailbox->domain) == resolver_.domains_.end()) {
        out.verdict.forwards.items.clear();
        return RecipientStatus::foreign;
    }
    return status;
}

Result<RecipientStatus> Resolver::Walk::visit(const mail::Mailbox& mailbox, std::string_view detail) {
    const auto domain = resolver_.domains_.find(mailbox.domain);
    if (domain == resolver_.domains_.end()) return to_foreign(mailbox);
    if (!domain->second.active) return RecipientStatus::disabled;
    auto entry = find(domain->second, mailbox.local_part);
    if (!entry) return entry.error();
    if (!*entry) return to_nobody(domain->second, mailbox);
    const Entry& found = **entry;
    if (!found.detail.empty()) detail = found.detail;
    if (found.account != 0) return to_account(found.account, mailbox, detail);
    if (!found.active) return RecipientStatus::unknown_user;

    // A subaddress of an alias is that alias: loops are seen whatever the detail.
    std::string name = "alias " + std::to_string(found.alias);
    if (std::find(path_.begin(), path_.end(), name) != path_.end() || path_.size() >= max_depth)
        return RecipientStatus::loop;
    auto targets = alias_targets(db_, found.alias);
    if (!targets) return targets.error();
    path_.push_back(std::move(name));
    auto status = to_targets(*targets, detail);
    path_.pop_back();
    return status;
}

Result<std::optional<Resolver::Walk::Entry>> Resolver::Walk::look_up(const Domain& domain,
                                                                     std::string_view local_part) {
    Rows rows = db_.query("SELECT a.account, a.alias, al.active FROM addresses a LEFT JOIN aliases al ON al.id = a.alias"
                          " WHERE a.domain = ? AND a.local_part = ?",
                          domain.id, ascii_lower(local_part));
    if (rows.next())
        return std::optional(Entry{.account = rows.count(0), .alias = rows.count(1), .active = rows.number(2) != 0,
                                   .detail = {}});
    if (auto failed = rows.failed()) return *failed;
    return std::optional<Entry>();
}

// The exact address first: "a+b" may be somebody's real name. Then without its detail.
Result<std::optional<Resolver::Walk::Entry>> Resolver::Walk::find(const Domain& domain, std::string_view local_part) {
    auto entry = look_up(domain, local_part);
    if (!entry || *entry) return entry;
    const auto parts = mail::split_subaddress(local_part, domain.separator);
    if (parts.user.size() == local_part.size()) return entry;
    entry = look_up(domain, parts.user);
    if (entry && *entry) (*entry)->detail = parts.detail;
    return entry;
}

Result<RecipientStatus> Resolver::Walk::to_account(AccountId account, const mail::Mailbox& mailbox,
                                                   std::string_view detail) {
    for (const auto& target : out.verdict.targets)
        if (target.account == account) return RecipientStatus::deliver;
    Rows rows = db_.query("SELECT a.status, coalesce(a.quota_bytes, d.default_quota_bytes) FROM accounts a"
                          " JOIN addresses p ON p.account = a.id AND p.is_primary = 1"
                          " JOIN domains d ON d.id = p.domain WHERE a.id = ?",
                          account);
    const bool known = rows.next();
    if (auto failed = rows.failed()) return *failed;
    if (!known || rows.number(0) == static_cast<int>(ipc::AccountStatus::disabled)) return RecipientStatus::disabled;
    if (full()) return RecipientStatus::unavailable;
    if (const std::uint64_t quota = rows.count(1); quota != 0) out.room = std::min(out.room, quota);
    out.verdict.targets.push_back(
        {.account = account, .delivered_to = mailbox.text(), .detail = detail.substr(0, 64)});
    return RecipientStatus::deliver;
}

RecipientStatus Resolver::Walk::to_foreign(const mail::Mailbox& mailbox) {
    const std::string address = mailbox.text();
    for (const auto& forward : out.verdict.forwards)
        if (forward.view() == address) return RecipientStatus::deliver;
    if (full()) return RecipientStatus::unavailable;
    out.verdict.forwards.push_back(address);
    return RecipientStatus::deliver;
}

Result<RecipientStatus> Resolver::Walk::to_targets(const std::vector<std::string>& targets, std::string_view detail) {
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

Result<RecipientStatus> Resolver::Walk::to_nobody(const Domain& domain, const mail::Mailbox& mailbox) {
    if (is_role(mailbox.local_part)) return to_postmaster(domain, mailbox);
    if (domain.catch_all.empty()) return RecipientStatus::unknown_user;
    std::string name = "catch-all " + std::to_string(domain.id);
    if (std::find(path_.begin(), path_.end(), name) != path_.end()) return RecipientStatus::unknown_user;
    out.by_catch_all = true;
    path_.push_back(std::move(name));
    auto status = to_targets({domain.catch_all}, "");
    path_.pop_back();
    return status;
}

Result<RecipientStatus> Resolver::Walk::to_postmaster(const Domain& domain, const mail::Mailbox& mailbox) {
    if (!resolver_.postmaster_.empty() && std::find(path_.begin(), path_.end(), "postmaster") == path_.end()) {
        path_.push_back("postmaster");
        auto status = to_targets({resolver_.postmaster_}, "");
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

Result<void> Resolver::load_domains() {
    if (domains_loaded_) return {};
    domains_.clear();
    Rows rows = db_.query("SELECT name, id, organization, status, separator, catch_all FROM domains");
    while (rows.next())
        domains_.emplace(std::string(rows.text(0)),
                         Domain{.id = rows.count(1),
                                .organization = rows.count(2),
                                .active = rows.number(3) == static_cast<int>(ipc::DomainStatus::active),
                                .separator = rows.text(4).empty() ? '\0' : rows.text(4).front(),
                                .catch_all = std::string(rows.text(5))});
    if (auto failed = rows.failed()) return *failed;
    domains_loaded_ = true;
    return {};
}

void Resolver::forget() {
    domains_loaded_ = false;
    young_.clear();
    old_.clear();
}

const Resolver::Expansion* Resolver::remembered(std::string_view address) {
    if (const auto found = young_.find(address); found != young_.end()) return &found->second;
    const auto found = old_.find(address);
    if (found == old_.end()) return nullptr;
    auto node = old_.extract(found);
    return &young_.insert(std::move(node)).position->second;
}

const Resolver::Expansion* Resolver::expand(std::string_view address) {
    if (const Expansion* known = remembered(address)) return known;
    last_ = {};
    if (auto loaded = load_domains(); !loaded) {
        log::error("auth.resolve.failed", {{"error", loaded.error().message()}});
        return &last_;                                     // says unavailable
    }
    Walk walk(*this);
    auto status = walk.start(address);
    if (!status) {
        log::error("auth.resolve.failed", {{"error", status.error().message()}});
        return &last_;
    }
    walk.out.verdict.status = *status;
    if (*status != RecipientStatus::deliver) {
        walk.out.verdict.targets.items.clear();
        walk.out.verdict.forwards.items.clear();
        last_ = std::move(walk.out);
        return &last_;
    }
    if (young_.size() >= max_remembered) {
        old_ = std::move(young_);
        young_.clear();
    }
    return &young_.insert_or_assign(std::string(address), std::move(walk.out)).first->second;
}

ipc::RecipientVerdict Resolver::recipient(std::string_view forward_path, std::uint64_t size) {
    const Expansion* expansion = expand(forward_path);
    if (expansion->verdict.status == RecipientStatus::deliver && size > expansion->room) {
        ipc::RecipientVerdict verdict;
        verdict.status = RecipientStatus::over_quota;      // larger than the whole mailbox may ever be
        return verdict;
    }
    return expansion->verdict;
}

ipc::Verdict Resolver::may_send_as(AccountId account, std::string_view reverse_path) {
    if (reverse_path.empty()) return ipc::Verdict::allowed;
    const Expansion* expansion = expand(reverse_path);
    if (expansion->verdict.status == RecipientStatus::unavailable) return ipc::Verdict::unavailable;
    const auto& targets = expansion->verdict.targets;
    const bool leads_there = std::any_of(targets.begin(), targets.end(),
                                         [&](const ipc::LocalTarget& target) { return target.account == account; });
    return leads_there && !expansion->by_catch_all ? ipc::Verdict::allowed : granted(account, reverse_path);
}

ipc::Verdict Resolver::granted(AccountId account, std::string_view reverse_path) {
    const auto mailbox = mail::parse_mailbox(reverse_path);
    if (!mailbox) return ipc::Verdict::denied;
    const auto domain = domains_.find(mailbox->domain);
    const auto found = is_granted(db_, account, *mailbox, domain == domains_.end() ? '\0' : domain->second.separator);
    if (found) return *found ? ipc::Verdict::allowed : ipc::Verdict::denied;
    log::error("auth.resolve.failed", {{"error", found.error().message()}});
    return ipc::Verdict::unavailable;
}

} // namespace postern::authd
