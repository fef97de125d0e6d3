// Whether a host that is to get mail is this one: by its names, by the addresses and ports it listens at.
#pragma once

#include "libcommon/network.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace postern::smtp_out {

class Ourselves {
  public:
    void add_name(std::string_view name);
    void add_address(const IpAddress& address) { addresses_.push_back(address); }
    void add_public(const Network& network) { public_.push_back(network); }
    // "192.0.2.1:25", "[::]:25", as options write what is listened at; an unspecified address is all of them.
    void add_listener(std::string_view listener);

    bool is_named(std::string_view name, std::uint16_t port) const;
    bool is_at(const IpAddress& address, std::uint16_t port) const;

    // What the interfaces have; needs system calls that end with confinement.
    static std::vector<IpAddress> interface_addresses();

  private:
    struct Listener {
        IpAddress address;
        bool every;
        std::uint16_t port;
    };
    std::vector<std::string> names_;
    std::vector<IpAddress> addresses_;
    std::vector<Network> public_;
    std::vector<Listener> listeners_;
};

} // namespace postern::smtp_out
