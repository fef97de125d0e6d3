// App passwords: for one device or program, for named protocols, shown once and revoked alone.
//
//   k3f9w-7hq2m-x4tzd-9c5vb-n8r6p      the first group names the row, the other four are 100 random bits
//
// Because the password says which row it is for, a login costs one Argon2 computation whether an account has none of them
// or all it may have, as long as any other login. An account's own password of this very form cannot be set.
#pragma once

#include "authd/sqlite.h"
#include "ipc/admin.h"

#include <optional>
#include <string>
#include <string_view>

namespace postern::authd {

std::string make_app_password();

// As people type it, in any case, with dashes or blanks or none; what is hashed. Nothing when it has not the form.
std::optional<std::string> as_app_password(std::string_view typed);
std::string_view selector_of(std::string_view app_password);

struct AppPassword {
    std::uint64_t id = 0;        // 0: there is none
    std::string name, hash;
    unsigned scopes = 0;         // bits of ipc::AppScope
    std::int64_t expires = 0;    // 0: never
};
// May it be used for this now, in seconds since the epoch?
bool is_in_scope(const AppPassword& row, ipc::Protocol protocol);
bool has_expired(const AppPassword& row, std::int64_t now);

// Inside the caller's transaction, as everything of accounts.h.
Result<AppPassword> app_password_of(Database& db, AccountId account, std::string_view selector);
Result<std::uint64_t> add_app_password(Database& db, const ipc::AddAppPassword& request, std::string_view selector,
                                       std::string_view hash, std::int64_t now);
Result<std::uint64_t> remove_app_password(Database& db, const ipc::RemoveAppPassword& request);
Result<ipc::AppPasswordListing> list_app_passwords(Database& db, const ipc::ListAppPasswords& request);
Result<void> store_last_used(Database& db, std::uint64_t id, std::int64_t time);

} // namespace postern::authd
