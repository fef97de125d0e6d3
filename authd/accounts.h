// Accounts: an immutable id, a password hash, a status, a quota, and one or more addresses of which one is primary.
// Every function here runs inside its caller's transaction.
#pragma once

#include "authd/sqlite.h"
#include "authd/stored_password.h"
#include "ipc/admin.h"

namespace postern::authd {

// Without a hash in `password`: no login until one is set.
Result<AccountId> create_account(Database& db, const ipc::NewAccount& account, const StoredPassword& password,
                                 std::int64_t now);
Result<AccountId> change_account(Database& db, const ipc::ChangeAccount& request);
Result<AccountId> delete_account(Database& db, std::string_view address);
Result<void> store_password(Database& db, AccountId account, const StoredPassword& password);
// Only where the old one still stands: a rehash must not undo a new password.
Result<void> replace_password(Database& db, AccountId account, std::string_view old_hash, const StoredPassword& password);
Result<void> store_last_login(Database& db, AccountId account, std::int64_t time);

Result<AccountId> add_address(Database& db, const ipc::AddAddress& request);
Result<AccountId> remove_address(Database& db, std::string_view address);

Result<ipc::AccountListing> list_accounts(Database& db, const ipc::ListAccounts& page);
Result<ipc::AccountEntry> show_account(Database& db, std::string_view address);

// What a login or a redeemed handle needs to know.
struct LoginAccount {
    AccountId id = 0;
    std::string hash, scram, cram_md5;   // as in StoredPassword
    bool wants_cram_md5 = false;
    std::string address;        // primary
    bool may_log_in = false;    // account and domain are active
    std::uint64_t quota_bytes = 0, quota_messages = 0;   // as they apply; 0: no limit
    std::uint64_t max_message_bytes = 0;                 // likewise; 0: what the server takes
};
Result<LoginAccount> login_account(Database& db, AccountId id);

} // namespace postern::authd
