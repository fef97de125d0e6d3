// Organizations own domains and accounts. Every function here runs inside its caller's transaction.
#pragma once

#include "authd/sqlite.h"
#include "ipc/admin.h"

namespace postern::authd {

constexpr std::string_view default_organization = "default";

Result<std::uint64_t> create_organization(Database& db, std::string_view name, std::int64_t now);
Result<std::uint64_t> rename_organization(Database& db, std::string_view name, std::string_view new_name);
Result<std::uint64_t> delete_organization(Database& db, std::string_view name);

// Its id; made when it does not exist yet: the first domain of an installation brings the first organization.
Result<std::uint64_t> ensure_organization(Database& db, std::string_view name, std::int64_t now);

Result<ipc::OrganizationListing> list_organizations(Database& db, const ipc::ListOrganizations& page);

} // namespace postern::authd
