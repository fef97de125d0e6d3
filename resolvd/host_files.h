// /etc/resolv.conf and /etc/hosts of the host we run on: text to data. Pure.
#pragma once

#include "resolvd/packet.h"
#include "libcommon/network.h"

#include <map>

namespace postern::dns {

// The addresses of its nameserver lines, in order. All else in it is for programs that complete names: ours are complete, and how
// long to wait is said in postern.yaml. `skipped` gets what follows "nameserver" and is no address (one with a scope, say).
struct ResolvConf {
    std::vector<IpAddress> servers;
    std::vector<std::string> skipped;
};
ResolvConf read_resolv_conf(std::string_view text);

// Names of addresses, and addresses of names. Who is listed by name has no other addresses in the DNS.
class Hosts {
  public:
    static constexpr std::uint32_t ttl = 60;

    Hosts() = default;
    explicit Hosts(std::string_view text);
    // For A, AAAA and PTR of what is listed; never authentic.
    std::optional<ipc::DnsAnswer> find(const Question& question) const;
    std::size_t size() const { return addresses_.size(); }

  private:
    void read_line(std::string_view line);
    std::map<std::string, std::vector<IpAddress>, std::less<>> addresses_;
    std::map<std::string, std::vector<std::string>, std::less<>> names_;     // by reverse name: the first name of each line
};

} // namespace postern::dns
