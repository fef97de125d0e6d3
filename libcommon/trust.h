// Which clients are never limited, delayed or banned: loopback and the networks the operator trusts. `untrusted` takes
// away again: for a tunnel or a proxy that ends on this host and brings strangers from a loopback address.
#pragma once

#include "libcommon/network.h"

#include <vector>

namespace postern {

class Trust {
  public:
    Trust() = default;
    Trust(std::vector<Network> trusted, std::vector<Network> untrusted) :
        trusted_(std::move(trusted)), untrusted_(std::move(untrusted)) {}

    bool covers(const IpAddress& client) const {
        return (client.is_loopback() || contains(trusted_, client)) && !contains(untrusted_, client);
    }

  private:
    std::vector<Network> trusted_, untrusted_;
};

} // namespace postern
