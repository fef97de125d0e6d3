#include "authd/admin.h"

#include "authd/accounts.h"
#include "authd/address.h"
#include "authd/aliases.h"
#include "authd/app_password.h"
#include "authd/audit.h"
#include "authd/backup_recipients.h"
#include "authd/domains.h"
#include "authd/groups.h"
#include "authd/hash_batch.h"
#include "authd/organizations.h"
#include "authd/send_as.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

#include <algorithm>

#include <fmt/core.h>

namespace postern::authd {

using ipc::AdminResult;
using ipc::AdminStatus;

namespace {

AdminStatus status_of(Errc code) {
    switch (code) {
    case Errc::invalid:
    case Errc::too_large: return AdminStatus::invalid;
    case Errc::not_found: return AdminStatus::not_found;
    case Errc::exists: return AdminStatus::exists;
    case Errc::conflict: return AdminStatus::conflict;
    default: return AdminStatus::unavailable;
    }
}

AdminResult failure(const Error& error, std::string_view subject) {
    // SQLite's own words for a taken name speak of columns.
    const bool taken = error.code() == Errc::exists && error.message().find("constraint failed") != std::string::npos;
    const std::string reason = taken ? fmt::format("{} exists already", printable(subject)) : error.message();
    return {status_of(error.code()), 0, reason.substr(0, 512)};
}

// "status=1 quota_bytes=1000": what a request sets, for the audit log.
class Detail {
  public:
    template <class T> Detail& add(std::string_view name, const std::optional<T>& value) {
        if (value) text_ += fmt::format("{}{}={}", text_.empty() ? "" : " ", name, show(*value));
        return *this;
    }
    std::string text() const { return text_.substr(0, 1024); }

  private:
    template <std::size_t N> static std::string show(const Text<N>& value) { return printable(value); }
    static std::string show(bool value) { return value ? "yes" : "no"; }
    template <class T> static std::string show(T value) { return std::to_string(static_cast<std::uint64_t>(value)); }
    std::string text_;
};
std::string detail(const ipc::DomainSettings& s) {
    return Detail()
        .add("status", s.status)
        .add("catch_all", s.catch_all)
        .add("separator", s.separator)
        .add("default_quota_bytes", s.default_quota_bytes)
        .add("default_quota_messages", s.default_quota_messages)
        .add("max_accounts", s.max_accounts)
        .add("max_message_bytes", s.max_message_bytes)
        .add("backup_mx", s.backup_mx)
        .text();
}
std::string detail(const ipc::AccountSettings& s, std::optional<bool> cram_md5 = {}) {
    return Detail()
        .add("name", s.name)
        .add("status", s.status)
        .add("role", s.role)
        .add("quota_bytes", s.quota_bytes)
        .add("quota_messages", s.quota_messages)
        .add("max_message_bytes", s.max_message_bytes)
        .add("cram_md5", cram_md5)
        .text();
}
template <class Addresses> std::string listed(std::string text, const Addresses& addresses) {
    for (const auto& address : addresses) text += " " + printable(address);
    return text.substr(0, 1024);
}
std::string detail(const ipc::SaveAlias& r) {
    std::string text = r.alias.active ? "active" : "inactive";
    if (r.term.from != 0) text += fmt::format(" from={}", r.term.from);
    if (r.term.until != 0) text += fmt::format(" until={}", r.term.until);
    return listed(text, r.alias.targets);
}
std::string detail(const ipc::SaveGroup& r) {
    std::string text = Detail().add("active", r.settings.active).add("posting", r.settings.posting).text();
    if (r.settings.posters) text = listed(text + " posters:", *r.settings.posters);
    return r.members.empty() ? text : listed(text + " members:", r.members);
}
std::string detail(const ipc::ChangeMembers& r) {
    std::string text;
    if (!r.add.empty()) text = listed("added:", r.add);
    if (!r.remove.empty()) text = listed(text + (text.empty() ? "removed:" : " removed:"), r.remove);
    return text;
}

} // namespace

AdminResult Admin::perform(const ipc::Actor& actor, std::string_view action, std::string_view subject,
                           std::string_view about, const Operation& operation) {
    Transaction transaction(db_);
    auto id = operation();
    if (!id) return failure(id.error(), subject);
    auto hash = append_audit(db_, {.id = 0, .time = clock_(), .actor = actor.who, .client = actor.client,
                                   .action = action, .subject = subject, .detail = about, .hash = {}});
    if (!hash) return failure(hash.error(), subject);
    if (auto done = transaction.commit(); !done) return failure(done.error(), subject);
    resolver_.forget();
    log::info("auth.audit", {{"session", actor.trace.text()},
                             {"action", action},
                             {"subject", subject},
                             {"by", actor.who.view()},
                             {"hash", *hash}});
    return {AdminStatus::ok, *id, {}};
}

// What stood for the account before (handles, remembered passwords) stands for it no more.
AdminResult Admin::perform_on_account(const ipc::Actor& actor, std::string_view action, std::string_view subject,
                                      std::string_view about, const Operation& operation) {
    AdminResult result = perform(actor, action, subject, about, operation);
    if (result.status != AdminStatus::ok) return result;
    verifier_.forget(result.id);
    handles_.forget(result.id);
    return result;
}

AdminResult Admin::change(const ipc::CreateOrganization& r) {
    return perform(r.actor, "organization.create", r.name, "",
                   [&] { return create_organization(db_, r.name, clock_()); });
}
AdminResult Admin::change(const ipc::RenameOrganization& r) {
    return perform(r.actor, "organization.rename", r.name, r.new_name,
                   [&] { return rename_organization(db_, r.name, r.new_name); });
}
AdminResult Admin::change(const ipc::DeleteOrganization& r) {
    return perform(r.actor, "organization.delete", r.name, "", [&] { return delete_organization(db_, r.name); });
}
AdminResult Admin::change(const ipc::CreateDomain& r) {
    return perform(r.actor, "domain.create", r.name, detail(r.settings),
                   [&] { return create_domain(db_, r, clock_()); });
}
AdminResult Admin::change(const ipc::ChangeDomain& r) {
    return perform(r.actor, "domain.change", r.name, detail(r.settings),
                   [&] { return change_domain(db_, r.name, r.settings); });
}
AdminResult Admin::change(const ipc::DeleteDomain& r) {
    return perform(r.actor, "domain.delete", r.name, "", [&] { return delete_domain(db_, r.name); });
}
AdminResult Admin::change(const ipc::StoreBackupRecipients& r) {
    const std::string about = fmt::format("{} addresses{}{}", r.addresses.size(), r.first ? ", the first" : "", r.last ? ", in force" : "");
    return perform(r.actor, "backup-mx.recipients", r.domain, about, [&] { return store_backup_recipients(db_, r); });
}
AdminResult Admin::change(const ipc::ClearBackupRecipients& r) {
    return perform(r.actor, "backup-mx.clear", r.domain, "", [&] { return clear_backup_recipients(db_, r.domain); });
}
AdminResult Admin::change(const ipc::ChangeAccount& r) {
    const bool stops = r.settings.status && *r.settings.status != ipc::AccountStatus::active;
    auto operation = [&] { return change_account(db_, r); };
    const std::string about = detail(r.settings, r.cram_md5);
    return stops ? perform_on_account(r.actor, "account.change", r.address, about, operation)
                 : perform(r.actor, "account.change", r.address, about, operation);
}
AdminResult Admin::change(const ipc::DeleteAccount& r) {
    return perform_on_account(r.actor, "account.delete", r.address, "", [&] { return delete_account(db_, r.address); });
}
// What it logged in is over too: nobody can tell any more which password a handle came from.
AdminResult Admin::change(const ipc::RemoveAppPassword& r) {
    return perform_on_account(r.actor, "app-password.remove", r.account, printable(r.name),
                              [&] { return remove_app_password(db_, r); });
}
AdminResult Admin::change(const ipc::AddAddress& r) {
    return perform(r.actor, r.primary ? "address.primary" : "address.add", r.address, r.account,
                   [&] { return add_address(db_, r); });
}
AdminResult Admin::change(const ipc::RemoveAddress& r) {
    return perform(r.actor, "address.remove", r.address, "", [&] { return remove_address(db_, r.address); });
}
AdminResult Admin::change(const ipc::SaveAlias& r) {
    return perform(r.actor, r.create ? "alias.create" : "alias.change", r.alias.address, detail(r),
                   [&] { return save_alias(db_, r); });
}
AdminResult Admin::change(const ipc::DeleteAlias& r) {
    return perform(r.actor, "alias.delete", r.address, "", [&] { return delete_alias(db_, r.address); });
}

AdminResult Admin::change(const ipc::SaveGroup& r) {
    return perform(r.actor, r.create ? "group.create" : "group.change", r.address, detail(r),
                   [&] { return save_group(db_, r); });
}
AdminResult Admin::change(const ipc::ChangeMembers& r) {
    return perform(r.actor, "group.members", r.group, detail(r), [&] { return change_members(db_, r); });
}
AdminResult Admin::change(const ipc::DeleteGroup& r) {
    return perform(r.actor, "group.delete", r.address, "", [&] { return delete_group(db_, r.address); });
}

AdminResult Admin::change(const ipc::GrantSendAs& r) {
    return perform(r.actor, "send-as.grant", r.account, printable(r.address), [&] { return grant_send_as(db_, r); });
}
AdminResult Admin::change(const ipc::RevokeSendAs& r) {
    return perform(r.actor, "send-as.revoke", r.account, printable(r.address), [&] { return revoke_send_as(db_, r); });
}

void Admin::change(ipc::CreateAccount r, Done done) {
    std::vector<ipc::NewAccount> one{std::move(r.account)};
    hash_all(verifier_, one, [this, actor = r.actor, account = one[0], done](Result<std::vector<StoredPassword>> made) {
        if (!made) return done(failure(made.error(), account.address));
        done(perform(actor, "account.create", account.address, detail(account.settings),
                     [&] { return create_account(db_, account, made->front(), clock_()); }));
    });
}

void Admin::change(ipc::SetPassword r, Done done) {
    if (r.password.empty() && r.hash.empty())
        return done({AdminStatus::invalid, 0, "an empty password"});
    std::vector<ipc::NewAccount> one(1);
    one[0].address = r.address;
    one[0].password = std::move(r.password);
    one[0].hash = r.hash;
    hash_all(verifier_, one, [this, actor = r.actor, address = r.address, done](Result<std::vector<StoredPassword>> made) {
        if (!made) return done(failure(made.error(), address));
        done(perform_on_account(actor, "account.password", address, "", [&]() -> Result<std::uint64_t> {
            auto id = account_at(db_, address);
            if (!id) return id;
            if (auto stored = store_password(db_, *id, made->front()); !stored) return stored.error();
            return id;
        }));
    });
}

void Admin::change(ipc::AddAppPassword r, std::function<void(const ipc::AppPasswordAdded&)> done) {
    auto shown = std::make_shared<const Secret>(make_app_password());
    auto hashed = std::make_shared<const Secret>(*as_app_password(shown->view()));
    verifier_.hash(hashed, [this, request = std::move(r), shown, hashed, done](Result<std::string> hash) {
        if (!hash) return done({failure(hash.error(), request.account), {}});
        ipc::AppPasswordAdded added;
        added.result = perform(request.actor, "app-password.add", request.account, printable(request.name), [&] {
            return add_app_password(db_, request, selector_of(hashed->view()), *hash, clock_());
        });
        if (added.result.status == AdminStatus::ok) added.password = shown->view();
        done(added);
    });
}

void Admin::change(ipc::ImportAccounts r, Done done) {
    if (r.skip_existing)
        std::erase_if(r.accounts.items, [&](const auto& account) { return account_at(db_, account.address).ok(); });
    if (r.accounts.empty()) return done({AdminStatus::ok, 0, {}});
    auto request = std::make_shared<ipc::ImportAccounts>(std::move(r));
    hash_all(verifier_, request->accounts.items, [this, request, done](Result<std::vector<StoredPassword>> made) {
        if (!made) return done(failure(made.error(), "import"));
        done(perform(request->actor, "account.import", fmt::format("{} accounts", made->size()), "",
                     [&] { return write_import(*request, *made); }));
    });
}

Result<std::uint64_t> Admin::write_import(const ipc::ImportAccounts& request, const std::vector<StoredPassword>& passwords) {
    for (std::size_t i = 0; i < passwords.size(); ++i) {
        const auto& account = request.accounts.items[i];
        auto made = create_account(db_, account, passwords[i], clock_());
        if (!made) return made.error().with("address", printable(account.address));
    }
    return passwords.size();
}

} // namespace postern::authd
