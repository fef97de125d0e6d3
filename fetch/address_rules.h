// Where fetch does not go: whose URLs it fetches is chosen by strangers, and an address of this host or of the network behind it
// would make them speak from the inside. Pure.
#pragma once

#include "libcommon/network.h"

namespace postern::fetch {

// No address of the public Internet, and of none of `allowed`.
bool is_forbidden(const IpAddress& address, const std::vector<Network>& allowed);

} // namespace postern::fetch
