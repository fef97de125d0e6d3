// What is stored of each of many new passwords, computed side by side but never more at once than there are workers:
// an import leaves the queue to logins.
#pragma once

#include "authd/verifier.h"
#include "ipc/admin.h"

#include <functional>
#include <vector>

namespace postern::authd {

// Takes the passwords out of `accounts`. A hash that was given is checked and taken as it is; an account with neither
// gets nothing. `done` is called once: with an entry per account, or with the first failure.
void hash_all(Verifier& verifier, std::vector<ipc::NewAccount>& accounts,
              std::function<void(Result<std::vector<StoredPassword>>)> done);

} // namespace postern::authd
