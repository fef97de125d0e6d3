// Which recipients the host has that a domain is backup MX of. Without a list any is taken, and what that host then refuses comes
// back to senders who may be forged; with one the unknown are refused in the session.
//
//   staged    parts of a list that is still coming     store() with `last` puts them in force; the next `first` forgets them
//   in force  the domain takes these only              the next whole list replaces them, clear() removes them
#pragma once

#include "authd/sqlite.h"
#include "ipc/admin.h"

#include <string_view>

namespace postern::authd {

// Inside the caller's transaction, as everything of domains.h.
Result<std::uint64_t> store_backup_recipients(Database& db, const ipc::StoreBackupRecipients& request);
Result<std::uint64_t> clear_backup_recipients(Database& db, std::string_view domain);
Result<ipc::BackupRecipientListing> list_backup_recipients(Database& db, const ipc::ListBackupRecipients& page);

Result<bool> is_backup_recipient(Database& db, std::uint64_t domain, std::string_view local_part);

} // namespace postern::authd
