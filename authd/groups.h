// Groups: an address with members here, and a rule about who may post to it. In the tables a group is an alias that has
// such a rule, and its targets are the members. Every function here runs inside its caller's transaction.
#pragma once

#include "authd/sqlite.h"
#include "ipc/admin.h"

namespace postern::authd {

Result<std::uint64_t> save_group(Database& db, const ipc::SaveGroup& request);
Result<std::uint64_t> change_members(Database& db, const ipc::ChangeMembers& request);
Result<std::uint64_t> delete_group(Database& db, std::string_view address);
Result<ipc::GroupListing> list_groups(Database& db, const ipc::ListGroups& page);

Result<std::vector<std::string>> group_posters(Database& db, std::uint64_t group);

} // namespace postern::authd
