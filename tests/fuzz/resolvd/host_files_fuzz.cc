// resolv.conf and hosts, whatever stands in them: servers are bounded, and what hosts answers is an answer that can be sent.
#include "resolvd/host_files.h"

#include <cstdlib>

using namespace postern;
using namespace postern::dns;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto require = [](bool holds) {
        if (!holds) std::abort();
    };
    const ResolvConf conf = read_resolv_conf(text);
    require(conf.servers.size() <= 16);
    const Hosts hosts(text);
    for (const IpAddress& server : conf.servers)
        if (const auto names = hosts.find({server.reverse_name(), ipc::DnsType::ptr}))
            require(!names->records.empty() && decode<ipc::DnsAnswer>(encode(*names)).ok());
    for (const auto type : {ipc::DnsType::a, ipc::DnsType::aaaa})
        if (const auto answer = hosts.find({"localhost", type})) require(!answer->authentic && decode<ipc::DnsAnswer>(encode(*answer)).ok());
    return 0;
}
