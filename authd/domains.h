// Domains we receive mail for. Every function here runs inside its caller's transaction.
#pragma once

#include "authd/sqlite.h"
#include "ipc/admin.h"

namespace postern::authd {

Result<std::uint64_t> create_domain(Database& db, const ipc::CreateDomain& request, std::int64_t now);
Result<std::uint64_t> change_domain(Database& db, std::string_view name, const ipc::DomainSettings& settings);
Result<std::uint64_t> delete_domain(Database& db, std::string_view name);
Result<ipc::DomainListing> list_domains(Database& db, const ipc::ListDomains& page);

// Its id; Errc::not_found where it is not ours.
Result<std::uint64_t> domain_named(Database& db, std::string_view name);

// 0, a number SQLite can hold, or an error that names the field.
Result<void> check_amount(std::string_view field, const std::optional<std::uint64_t>& amount);

} // namespace postern::authd
