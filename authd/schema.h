// accounts.db, version by version. A step is never edited once released: what changes is a new row.
//
//   organizations 1--n domains 1--n addresses n--1 accounts        an address is an account's
//                                   addresses 1--1 aliases 1--n alias_targets      or an alias, never both
//   aliases 1--n group_posters                                     one with `posting` is a group, its targets the members
//   accounts 1--n app_passwords
//   accounts 1--n send_as                                          addresses and domains by name, here or elsewhere
//   secrets                                                        of this server; made once, shown to nobody
//   audit                                                          append-only, hash-chained
#pragma once

#include "authd/sqlite.h"

namespace postern::authd {

// Opens the file and brings it to the newest version, each step in one transaction. A file from a newer version of
// Postern is refused: an older program must not guess.
Result<Database> open_accounts(const std::filesystem::path& file);

// 32 random bytes each, made with the database, for what must be the same tomorrow and known to nobody.
Result<std::string> server_secret(Database& db);     // behind the salts of names that nobody has, which are told
Result<std::string> srs_secret(Database& db);        // behind return addresses

} // namespace postern::authd
