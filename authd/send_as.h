// Addresses an account may send as though they are not its own: another account's, a foreign one, or all of a domain
// ("@example.org"). Granted by an administrator; a grant of an address here goes with that address, so that whoever has it next is
// not spoken for.
#pragma once

#include "authd/sqlite.h"
#include "ipc/admin.h"
#include "libmail/address.h"

#include <string_view>

namespace postern::authd {

constexpr std::size_t max_grants = ipc::max_page;   // of one account

// Inside the caller's transaction, as everything of accounts.h.
Result<std::uint64_t> grant_send_as(Database& db, const ipc::GrantSendAs& request);
Result<std::uint64_t> revoke_send_as(Database& db, const ipc::RevokeSendAs& request);
Result<ipc::SendAsListing> list_send_as(Database& db, const ipc::ListSendAs& request);

// `separators`: of subaddresses in that domain; one of a granted address is granted, too.
Result<bool> is_granted(Database& db, AccountId account, const mail::Mailbox& mailbox, std::string_view separators);

} // namespace postern::authd
