// An alias, or a group, that leads back to itself is a mistake of whoever makes it, and refused while he looks.
#pragma once

#include "authd/sqlite.h"

namespace postern::authd {

// Follows everything the alias leads to, in force today or not; Errc::conflict names the way back. What only a later
// change closes (a separator, a catch-all) is found at RCPT: ipc::RecipientStatus::loop.
Result<void> check_no_loop(Database& db, std::uint64_t alias);

} // namespace postern::authd
