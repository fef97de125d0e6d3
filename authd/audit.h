// The audit log: append-only (triggers refuse anything else) and hash-chained. Each row's hash covers the row before
// it, so that one changed or removed in the middle shows; the newest hash also goes to logd with every entry, so
// that a cut tail shows too.
#pragma once

#include "authd/sqlite.h"
#include "ipc/admin.h"

namespace postern::authd {

// Part of the transaction of the change it speaks of. Fills id and hash; returns the row's hash.
Result<std::string> append_audit(Database& db, ipc::AuditRow row);

Result<ipc::AuditListing> list_audit(Database& db, const ipc::ListAudit& page);

} // namespace postern::authd
