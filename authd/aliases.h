// Aliases: an address that stands for others, here or elsewhere. Every function here runs inside its caller's
// transaction.
#pragma once

#include "authd/address.h"
#include "ipc/admin.h"

namespace postern::authd {

Result<std::uint64_t> save_alias(Database& db, const ipc::SaveAlias& request);
Result<std::uint64_t> delete_alias(Database& db, std::string_view address);
Result<ipc::AliasListing> list_aliases(Database& db, const ipc::ListAliases& page);

// A row that stands for an address, a plain alias with nothing behind it yet; Errc::exists when the address is taken.
Result<std::uint64_t> insert_alias(Database& db, const OwnAddress& address);

// In the order they were given.
Result<std::vector<std::string>> alias_targets(Database& db, std::uint64_t alias);

} // namespace postern::authd
