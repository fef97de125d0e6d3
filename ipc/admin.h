// What the management API asks authd: everything an operator changes (DESIGN section 8). One request per
// operation; every change says who asked and lands in the audit log in the same transaction.
#pragma once

#include "ipc/auth.h"

namespace postern::ipc {

using DomainName = Text<255>;
using OrganizationName = Text<128>;
using DisplayName = Text<256>;
using PasswordHash = Text<256>;                     // PHC string: "$argon2id$v=19$m=19456,t=2,p=1$..."
constexpr std::size_t max_page = 500;               // rows of one listing
constexpr std::size_t max_alias_targets = 128;
constexpr std::uint64_t quota_of_domain = UINT64_MAX;   // an account's quota: what its domain says; 0 is no limit

enum class DomainStatus : std::uint8_t { active, disabled };
constexpr DomainStatus last_enumerator(DomainStatus) { return DomainStatus::disabled; }

// suspended: receives, may not log in or send. disabled: neither; its mail is refused with 550 5.2.1.
enum class AccountStatus : std::uint8_t { active, suspended, disabled };
constexpr AccountStatus last_enumerator(AccountStatus) { return AccountStatus::disabled; }

enum class AccountRole : std::uint8_t { user, admin };
constexpr AccountRole last_enumerator(AccountRole) { return AccountRole::admin; }

enum class AdminStatus : std::uint8_t { ok, invalid, not_found, exists, conflict, unavailable };
constexpr AdminStatus last_enumerator(AdminStatus) { return AdminStatus::unavailable; }

// The answer to every change.
struct AdminResult {
    static constexpr auto type = MessageType::admin_result;
    AdminStatus status = AdminStatus::unavailable;
    std::uint64_t id = 0;            // of what was made, where it has one
    Text<512> reason;                // for people
    static auto fields(auto& m) { return std::tie(m.status, m.id, m.reason); }
};

// Who asks. `who` is what api-local learnt from the kernel: "uid 0".
struct Actor {
    TraceId trace;
    Text<320> who;
    PeerAddress client;
    static auto fields(auto& m) { return std::tie(m.trace, m.who, m.client); }
};

// --- organizations -----------------------------------------------------------------------------------------

struct OrganizationRow {
    std::uint64_t id = 0;
    OrganizationName name;
    std::int64_t created = 0;        // seconds since the epoch, as everywhere here
    std::uint64_t domains = 0, accounts = 0;
    static auto fields(auto& m) { return std::tie(m.id, m.name, m.created, m.domains, m.accounts); }
};
struct OrganizationListing {
    static constexpr auto type = MessageType::organization_listing;
    List<OrganizationRow, max_page> rows;
    static auto fields(auto& m) { return std::tie(m.rows); }
};
struct ListOrganizations {
    static constexpr auto type = MessageType::list_organizations;
    using Reply = OrganizationListing;
    OrganizationName after;          // in name order, page by page; empty to begin
    std::uint32_t limit = 100;
    static auto fields(auto& m) { return std::tie(m.after, m.limit); }
};
struct CreateOrganization {
    static constexpr auto type = MessageType::create_organization;
    using Reply = AdminResult;
    Actor actor;
    OrganizationName name;
    static auto fields(auto& m) { return std::tie(m.actor, m.name); }
};
struct RenameOrganization {
    static constexpr auto type = MessageType::rename_organization;
    using Reply = AdminResult;
    Actor actor;
    OrganizationName name, new_name;
    static auto fields(auto& m) { return std::tie(m.actor, m.name, m.new_name); }
};
struct DeleteOrganization {
    static constexpr auto type = MessageType::delete_organization;
    using Reply = AdminResult;
    Actor actor;
    OrganizationName name;           // conflict while it owns a domain or an account
    static auto fields(auto& m) { return std::tie(m.actor, m.name); }
};

// --- domains -----------------------------------------------------------------------------------------------

using Separators = Text<12>;

// What may be set; absent means unchanged, or the default when the domain is made.
struct DomainSettings {
    std::optional<DomainStatus> status{};
    std::optional<Address> catch_all{};            // where unknown recipients go; empty: they are refused
    std::optional<Separators> separator{};         // of subaddresses, RFC 5233: any of these characters; empty: none
    std::optional<std::uint64_t> default_quota_bytes{}, default_quota_messages{};   // 0: no limit
    std::optional<std::uint64_t> max_accounts{};   // 0: no limit
    std::optional<std::uint64_t> max_message_bytes{};   // to and from its accounts; 0: what the server takes
    std::optional<bool> backup_mx{};               // its mail is for another host: taken, and passed on
    static auto fields(auto& m) {
        return std::tie(m.status, m.catch_all, m.separator, m.default_quota_bytes, m.default_quota_messages,
                        m.max_accounts);
    }
};
struct DomainRow {
    std::uint64_t id = 0;
    DomainName name;
    OrganizationName organization;
    DomainStatus status = DomainStatus::active;
    Address catch_all;
    Separators separator;
    std::uint64_t default_quota_bytes = 0, default_quota_messages = 0, max_accounts = 0;
    std::uint64_t addresses = 0, aliases = 0;
    std::int64_t created = 0;
    static auto fields(auto& m) {
        return std::tie(m.id, m.name, m.organization, m.status, m.catch_all, m.separator, m.default_quota_bytes,
                        m.default_quota_messages, m.max_accounts, m.addresses, m.aliases, m.created);
    }
};
struct DomainTerms {
    std::uint64_t max_message_bytes = 0;
    bool backup_mx = false;
    bool operator==(const DomainTerms&) const = default;
    static auto fields(auto& m) { return std::tie(m.max_message_bytes, m.backup_mx); }
};
struct DomainBackup {
    std::uint64_t recipients = 0;    // how many are listed; 0: as a backup MX it takes any
    bool operator==(const DomainBackup&) const = default;
    static auto fields(auto& m) { return std::tie(m.recipients); }
};
struct DomainListing {
    static constexpr auto type = MessageType::domain_listing;
    List<DomainRow, max_page> rows;
    List<DomainTerms, max_page> terms;   // of each row
    List<DomainBackup, max_page> backups;
    static auto fields(auto& m) { return std::tie(m.rows); }
    static auto added(auto& m) { return std::tie(m.terms, m.backups); }
};
struct ListDomains {
    static constexpr auto type = MessageType::list_domains;
    using Reply = DomainListing;
    DomainName only;                 // one domain, if it exists
    DomainName after;                // in name order
    std::uint32_t limit = 100;
    static auto fields(auto& m) { return std::tie(m.only, m.after, m.limit); }
};
struct CreateDomain {
    static constexpr auto type = MessageType::create_domain;
    using Reply = AdminResult;
    Actor actor;
    DomainName name;
    OrganizationName organization;   // empty: the default one; made when it does not exist
    DomainSettings settings;
    static auto fields(auto& m) { return std::tie(m.actor, m.name, m.organization, m.settings); }
    static auto added(auto& m) { return std::tie(m.settings.max_message_bytes, m.settings.backup_mx); }
};
struct ChangeDomain {
    static constexpr auto type = MessageType::change_domain;
    using Reply = AdminResult;
    Actor actor;
    DomainName name;
    DomainSettings settings;
    static auto fields(auto& m) { return std::tie(m.actor, m.name, m.settings); }
    static auto added(auto& m) { return std::tie(m.settings.max_message_bytes, m.settings.backup_mx); }
};
struct DeleteDomain {
    static constexpr auto type = MessageType::delete_domain;
    using Reply = AdminResult;
    Actor actor;
    DomainName name;                 // conflict while it has addresses
    static auto fields(auto& m) { return std::tie(m.actor, m.name); }
};

// --- recipients of a backup MX ---------------------------------------------------------------------------------

// Which recipients the other host has. They come in parts, and count once the last one is there, instead of the list before.
constexpr std::size_t max_backup_part = 1000;
struct StoreBackupRecipients {
    static constexpr auto type = MessageType::store_backup_recipients;
    using Reply = AdminResult;       // `id`: how many the list has so far
    Actor actor;
    DomainName domain;
    bool first = false, last = false;
    List<Address, max_backup_part> addresses;
    static auto fields(auto& m) { return std::tie(m.actor, m.domain, m.first, m.last, m.addresses); }
};
struct ClearBackupRecipients {
    static constexpr auto type = MessageType::clear_backup_recipients;
    using Reply = AdminResult;
    Actor actor;
    DomainName domain;
    static auto fields(auto& m) { return std::tie(m.actor, m.domain); }
};
struct BackupRecipientRow {
    Address address;
    static auto fields(auto& m) { return std::tie(m.address); }
};
struct BackupRecipientListing {
    static constexpr auto type = MessageType::backup_recipient_listing;
    List<BackupRecipientRow, max_page> rows;
    static auto fields(auto& m) { return std::tie(m.rows); }
};
struct ListBackupRecipients {
    static constexpr auto type = MessageType::list_backup_recipients;
    using Reply = BackupRecipientListing;
    DomainName domain;
    Address after;                   // in order of local parts
    std::uint32_t limit = 100;
    static auto fields(auto& m) { return std::tie(m.domain, m.after, m.limit); }
};

// --- accounts ----------------------------------------------------------------------------------------------

struct AccountSettings {
    std::optional<DisplayName> name;
    std::optional<AccountStatus> status;
    std::optional<AccountRole> role;
    std::optional<std::uint64_t> quota_bytes, quota_messages;   // or quota_of_domain
    std::optional<std::uint64_t> max_message_bytes{};           // to and from it; 0: what its domain says
    static auto fields(auto& m) { return std::tie(m.name, m.status, m.role, m.quota_bytes, m.quota_messages); }
};
struct AccountRow {
    AccountId id = 0;
    Address address;                 // primary
    OrganizationName organization;
    DisplayName name;
    AccountStatus status = AccountStatus::active;
    AccountRole role = AccountRole::user;
    bool has_password = false;
    std::uint64_t quota_bytes = quota_of_domain, quota_messages = quota_of_domain;   // as set
    std::uint64_t effective_quota_bytes = 0, effective_quota_messages = 0;           // as it applies
    std::int64_t created = 0, last_login = 0;
    static auto fields(auto& m) {
        return std::tie(m.id, m.address, m.organization, m.name, m.status, m.role, m.has_password, m.quota_bytes,
                        m.quota_messages, m.effective_quota_bytes, m.effective_quota_messages, m.created,
                        m.last_login);
    }
};
struct AccountListing {
    static constexpr auto type = MessageType::account_listing;
    List<AccountRow, max_page> rows;
    static auto fields(auto& m) { return std::tie(m.rows); }
};
struct ListAccounts {
    static constexpr auto type = MessageType::list_accounts;
    using Reply = AccountListing;
    DomainName domain;               // empty: all
    AccountId after = 0;             // in id order
    std::uint32_t limit = 100;
    static auto fields(auto& m) { return std::tie(m.domain, m.after, m.limit); }
};
struct AccountEntry {
    static constexpr auto type = MessageType::account_entry;
    bool found = false;
    AccountRow row;
    List<Address, max_page> addresses;   // the primary first
    List<Address, max_page> aliases;     // that name one of them as a target
    bool has_scram = false;              // its password can be proven by SCRAM
    bool cram_md5 = false;               // opted in
    std::uint64_t max_message_bytes = 0, effective_max_message_bytes = 0;   // as set; as it applies, 0: what the server takes
    std::optional<std::uint64_t> used_bytes, used_messages;                 // absent: its mailbox could not be asked
    static auto fields(auto& m) { return std::tie(m.found, m.row, m.addresses, m.aliases); }
    static auto added(auto& m) {
        return std::tie(m.has_scram, m.cram_md5, m.max_message_bytes, m.effective_max_message_bytes, m.used_bytes,
                        m.used_messages);
    }
};
struct ShowAccount {
    static constexpr auto type = MessageType::show_account;
    using Reply = AccountEntry;
    Address address;                 // any of the account's
    static auto fields(auto& m) { return std::tie(m.address); }
};

// A password in clear is hashed by authd; a hash is taken as it is, for imports. Neither: no login until one is set.
struct NewAccount {
    Address address;
    Text<1024> password;
    PasswordHash hash;
    AccountSettings settings;
    static auto fields(auto& m) { return std::tie(m.address, m.password, m.hash, m.settings); }
};
struct CreateAccount {
    static constexpr auto type = MessageType::create_account;
    static constexpr bool secret = true;
    using Reply = AdminResult;
    Actor actor;
    NewAccount account;
    static auto fields(auto& m) { return std::tie(m.actor, m.account); }
    static auto added(auto& m) { return std::tie(m.account.settings.max_message_bytes); }
};
// Many at once: hashed side by side, written in one transaction: all or none.
struct ImportAccounts {
    static constexpr auto type = MessageType::import_accounts;
    static constexpr bool secret = true;
    using Reply = AdminResult;       // `id`: how many
    Actor actor;
    bool skip_existing = false;      // addresses that exist already are left as they are
    List<NewAccount, 100> accounts;
    static auto fields(auto& m) { return std::tie(m.actor, m.skip_existing, m.accounts); }
};
struct ChangeAccount {
    static constexpr auto type = MessageType::change_account;
    using Reply = AdminResult;
    Actor actor;
    Address address;
    AccountSettings settings;
    std::optional<bool> cram_md5;    // opts in: a verifier weaker than the hash is kept of the next password
    static auto fields(auto& m) { return std::tie(m.actor, m.address, m.settings); }
    static auto added(auto& m) { return std::tie(m.cram_md5, m.settings.max_message_bytes); }
};
struct SetPassword {
    static constexpr auto type = MessageType::set_password;
    static constexpr bool secret = true;
    using Reply = AdminResult;
    Actor actor;
    Address address;
    Text<1024> password;             // or
    PasswordHash hash;
    static auto fields(auto& m) { return std::tie(m.actor, m.address, m.password, m.hash); }
};
struct DeleteAccount {
    static constexpr auto type = MessageType::delete_account;
    using Reply = AdminResult;
    Actor actor;
    Address address;                 // its id is never used again; its mailbox stays on disk
    static auto fields(auto& m) { return std::tie(m.actor, m.address); }
};

// --- app passwords -----------------------------------------------------------------------------------------

constexpr std::size_t max_app_passwords = 32;       // of one account; a login costs the same with all of them or none
using AppPasswordName = Text<64>;

enum class AppScope : std::uint8_t { smtp, imap, api };
constexpr AppScope last_enumerator(AppScope) { return AppScope::api; }
using AppScopes = List<AppScope, 8>;

struct AppPasswordRow {
    AppPasswordName name;
    AppScopes scopes;
    std::int64_t created = 0, last_used = 0, expires = 0;   // 0: never
    static auto fields(auto& m) { return std::tie(m.name, m.scopes, m.created, m.last_used, m.expires); }
};
struct AppPasswordListing {
    static constexpr auto type = MessageType::app_password_listing;
    bool found = false;              // the account
    List<AppPasswordRow, max_app_passwords> rows;
    static auto fields(auto& m) { return std::tie(m.found, m.rows); }
};
struct ListAppPasswords {
    static constexpr auto type = MessageType::list_app_passwords;
    using Reply = AppPasswordListing;
    Address account;                 // any address it has
    static auto fields(auto& m) { return std::tie(m.account); }
};
struct AppPasswordAdded {
    static constexpr auto type = MessageType::app_password_added;
    static constexpr bool secret = true;
    AdminResult result;
    Text<64> password;               // made by authd, and shown nowhere again
    static auto fields(auto& m) { return std::tie(m.result, m.password); }
};
struct AddAppPassword {
    static constexpr auto type = MessageType::add_app_password;
    using Reply = AppPasswordAdded;
    Actor actor;
    Address account;
    AppPasswordName name;            // unique in the account
    AppScopes scopes;
    std::int64_t expires = 0;        // seconds since the epoch; 0: never
    static auto fields(auto& m) { return std::tie(m.actor, m.account, m.name, m.scopes, m.expires); }
};
struct RemoveAppPassword {
    static constexpr auto type = MessageType::remove_app_password;
    using Reply = AdminResult;
    Actor actor;
    Address account;
    AppPasswordName name;
    static auto fields(auto& m) { return std::tie(m.actor, m.account, m.name); }
};

// --- sending as somebody else ------------------------------------------------------------------------------

struct SendAsRow {
    Address address;                 // "ann@example.org", or "@example.org" for all of a domain
    static auto fields(auto& m) { return std::tie(m.address); }
};
struct SendAsListing {
    static constexpr auto type = MessageType::send_as_listing;
    bool found = false;              // the account
    List<SendAsRow, max_page> rows;
    static auto fields(auto& m) { return std::tie(m.found, m.rows); }
};
struct ListSendAs {
    static constexpr auto type = MessageType::list_send_as;
    using Reply = SendAsListing;
    Address account;                 // any address it has
    static auto fields(auto& m) { return std::tie(m.account); }
};
struct GrantSendAs {
    static constexpr auto type = MessageType::grant_send_as;
    using Reply = AdminResult;
    Actor actor;
    Address account;
    Address address;                 // as in SendAsRow, here or elsewhere
    static auto fields(auto& m) { return std::tie(m.actor, m.account, m.address); }
};
struct RevokeSendAs {
    static constexpr auto type = MessageType::revoke_send_as;
    using Reply = AdminResult;
    Actor actor;
    Address account;
    Address address;
    static auto fields(auto& m) { return std::tie(m.actor, m.account, m.address); }
};

// --- further addresses of an account -----------------------------------------------------------------------

struct AddAddress {
    static constexpr auto type = MessageType::add_address;
    using Reply = AdminResult;
    Actor actor;
    Address account;                 // any address it has
    Address address;                 // the new one
    bool primary = false;            // or make it, new or not, the primary one
    static auto fields(auto& m) { return std::tie(m.actor, m.account, m.address, m.primary); }
};
struct RemoveAddress {
    static constexpr auto type = MessageType::remove_address;
    using Reply = AdminResult;
    Actor actor;
    Address address;                 // conflict when primary
    static auto fields(auto& m) { return std::tie(m.actor, m.address); }
};

// --- aliases -----------------------------------------------------------------------------------------------

struct AliasRow {
    Address address;
    bool active = true;
    List<Address, max_alias_targets> targets;
    static auto fields(auto& m) { return std::tie(m.address, m.active, m.targets); }
};
// Outside of these days an alias is as if it did not exist; 0: no bound. The first second it counts, the first it does not.
struct AliasTerm {
    std::int64_t from = 0, until = 0;
    bool operator==(const AliasTerm&) const = default;
    static auto fields(auto& m) { return std::tie(m.from, m.until); }
};
struct AliasListing {
    static constexpr auto type = MessageType::alias_listing;
    List<AliasRow, 100> rows;
    List<AliasTerm, 100> terms;      // of each row
    static auto fields(auto& m) { return std::tie(m.rows); }
    static auto added(auto& m) { return std::tie(m.terms); }
};
struct ListAliases {
    static constexpr auto type = MessageType::list_aliases;
    using Reply = AliasListing;
    Address only;                    // one alias, if it exists
    DomainName domain;               // empty: all
    Address after;                   // in order of domain, then local part
    std::uint32_t limit = 100;
    static auto fields(auto& m) { return std::tie(m.only, m.domain, m.after, m.limit); }
};
struct SaveAlias {
    static constexpr auto type = MessageType::save_alias;
    using Reply = AdminResult;
    Actor actor;
    bool create = true;              // false: replace one that exists
    AliasRow alias;
    AliasTerm term;
    static auto fields(auto& m) { return std::tie(m.actor, m.create, m.alias); }
    static auto added(auto& m) { return std::tie(m.term); }
};
struct DeleteAlias {
    static constexpr auto type = MessageType::delete_alias;
    using Reply = AdminResult;
    Actor actor;
    Address address;
    static auto fields(auto& m) { return std::tie(m.actor, m.address); }
};

// --- groups ------------------------------------------------------------------------------------------------

// A group is an address with members, as an alias has targets, and with a rule about who may post to it. Members are
// addresses here: accounts, aliases, other groups.
constexpr std::size_t max_members = max_recipients;
constexpr std::size_t max_posters = 128;

enum class Posting : std::uint8_t { anyone, members, domain, listed };
constexpr Posting last_enumerator(Posting) { return Posting::listed; }

struct GroupRow {
    Address address;
    bool active = true;
    Posting posting = Posting::members;
    List<Address, max_posters> posters;      // who may, where posting is `listed`
    std::uint64_t members = 0;               // how many
    static auto fields(auto& m) { return std::tie(m.address, m.active, m.posting, m.posters, m.members); }
};
struct GroupListing {
    static constexpr auto type = MessageType::group_listing;
    List<GroupRow, 25> rows;
    List<Address, max_members> members;      // of the one that was asked for
    static auto fields(auto& m) { return std::tie(m.rows, m.members); }
};
struct ListGroups {
    static constexpr auto type = MessageType::list_groups;
    using Reply = GroupListing;
    Address only;                    // one group, if it exists, with its members
    DomainName domain;               // empty: all
    Address after;                   // in order of domain, then local part
    std::uint32_t limit = 25;
    static auto fields(auto& m) { return std::tie(m.only, m.domain, m.after, m.limit); }
};
// What may be set; absent means unchanged, or the default when the group is made.
struct GroupSettings {
    std::optional<bool> active{};
    std::optional<Posting> posting{};
    std::optional<List<Address, max_posters>> posters{};
    static auto fields(auto& m) { return std::tie(m.active, m.posting, m.posters); }
};
struct SaveGroup {
    static constexpr auto type = MessageType::save_group;
    using Reply = AdminResult;
    Actor actor;
    bool create = true;              // false: change one that exists
    Address address;
    GroupSettings settings;
    List<Address, max_members> members;      // of a new one
    static auto fields(auto& m) { return std::tie(m.actor, m.create, m.address, m.settings, m.members); }
};
struct ChangeMembers {
    static constexpr auto type = MessageType::change_members;
    using Reply = AdminResult;
    Actor actor;
    Address group;
    List<Address, max_members> add, remove;
    static auto fields(auto& m) { return std::tie(m.actor, m.group, m.add, m.remove); }
};
struct DeleteGroup {
    static constexpr auto type = MessageType::delete_group;
    using Reply = AdminResult;
    Actor actor;
    Address address;
    static auto fields(auto& m) { return std::tie(m.actor, m.address); }
};

// --- audit -------------------------------------------------------------------------------------------------

struct AuditRow {
    std::uint64_t id = 0;
    std::int64_t time = 0;
    Text<320> actor;
    PeerAddress client;
    Text<32> action;                 // "account.create"
    Text<320> subject;
    Text<1024> detail;
    Text<64> hash;                   // hex: SHA-256 over the row before and this one
    static auto fields(auto& m) {
        return std::tie(m.id, m.time, m.actor, m.client, m.action, m.subject, m.detail, m.hash);
    }
};
struct AuditListing {
    static constexpr auto type = MessageType::audit_listing;
    List<AuditRow, max_page> rows;
    bool intact = false;             // each row's hash follows from the one before it
    static auto fields(auto& m) { return std::tie(m.rows, m.intact); }
};
struct ListAudit {
    static constexpr auto type = MessageType::list_audit;
    using Reply = AuditListing;
    std::uint64_t after = 0;         // in order of time
    std::uint32_t limit = 100;
    static auto fields(auto& m) { return std::tie(m.after, m.limit); }
};

} // namespace postern::ipc
