// accounts.db, version by version. A step is never edited once released: what changes is a new row.
//
//   organizations 1--n domains 1--n addresses n--1 accounts        an address is an account's
//                                   addresses 1--1 aliases 1--n alias_targets      or an alias, never both
//   audit                                                          append-only, hash-chained
#pragma once

#include "authd/sqlite.h"

namespace postern::authd {

// Opens the file and brings it to the newest version, each step in one transaction. A file from a newer version of
// Postern is refused: an older program must not guess.
Result<Database> open_accounts(const std::filesystem::path& file);

} // namespace postern::authd
