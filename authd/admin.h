// What an administrator changes: each request is one transaction together with its line in the audit log, and makes
// authd forget what it remembered of the old state before the answer goes out.
#pragma once

#include "authd/handles.h"
#include "authd/resolve.h"
#include "authd/verifier.h"
#include "ipc/admin.h"

#include <functional>

namespace postern::authd {

class Admin {
  public:
    using Done = std::function<void(const ipc::AdminResult&)>;

    // `clock`: seconds since the epoch.
    Admin(Database& db, Resolver& resolver, Verifier& verifier, Handles& handles, std::function<std::int64_t()> clock)
        : db_(db), resolver_(resolver), verifier_(verifier), handles_(handles), clock_(std::move(clock)) {}

    ipc::AdminResult change(const ipc::CreateOrganization& request);
    ipc::AdminResult change(const ipc::RenameOrganization& request);
    ipc::AdminResult change(const ipc::DeleteOrganization& request);
    ipc::AdminResult change(const ipc::CreateDomain& request);
    ipc::AdminResult change(const ipc::ChangeDomain& request);
    ipc::AdminResult change(const ipc::DeleteDomain& request);
    ipc::AdminResult change(const ipc::StoreBackupRecipients& request);
    ipc::AdminResult change(const ipc::ClearBackupRecipients& request);
    ipc::AdminResult change(const ipc::ChangeAccount& request);
    ipc::AdminResult change(const ipc::DeleteAccount& request);
    ipc::AdminResult change(const ipc::RemoveAppPassword& request);
    ipc::AdminResult change(const ipc::AddAddress& request);
    ipc::AdminResult change(const ipc::RemoveAddress& request);
    ipc::AdminResult change(const ipc::SaveAlias& request);
    ipc::AdminResult change(const ipc::DeleteAlias& request);
    ipc::AdminResult change(const ipc::SaveGroup& request);
    ipc::AdminResult change(const ipc::ChangeMembers& request);
    ipc::AdminResult change(const ipc::DeleteGroup& request);
    ipc::AdminResult change(const ipc::GrantSendAs& request);
    ipc::AdminResult change(const ipc::RevokeSendAs& request);

    // These hash first, on the workers.
    void change(ipc::CreateAccount request, Done done);
    void change(ipc::ImportAccounts request, Done done);
    void change(ipc::SetPassword request, Done done);
    void change(ipc::AddAppPassword request, std::function<void(const ipc::AppPasswordAdded&)> done);

  private:
    using Operation = std::function<Result<std::uint64_t>()>;
    ipc::AdminResult perform(const ipc::Actor& actor, std::string_view action, std::string_view subject,
                             std::string_view detail, const Operation& operation);
    ipc::AdminResult perform_on_account(const ipc::Actor& actor, std::string_view action, std::string_view subject,
                                        std::string_view detail, const Operation& operation);
    Result<std::uint64_t> write_import(const ipc::ImportAccounts& request, const std::vector<StoredPassword>& passwords);

    Database& db_;
    Resolver& resolver_;
    Verifier& verifier_;
    Handles& handles_;
    std::function<std::int64_t()> clock_;
};

} // namespace postern::authd
