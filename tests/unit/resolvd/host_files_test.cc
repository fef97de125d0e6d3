#include "resolvd/host_files.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::dns;
using ipc::DnsStatus;
using ipc::DnsType;

TEST_CASE("servers of resolv.conf") {
    const ResolvConf conf = read_resolv_conf("# nameserver 192.0.2.9\n; nameserver 192.0.2.8\nsearch example.org\n"
                                             "nameserver 192.0.2.1\n  nameserver\t2001:db8::1 \r\nnameserver fe80::1%eth0\n"
                                             "nameserver\nnameservers 192.0.2.7\noptions timeout:1 attempts:9 ndots:5\nnameserver 127.0.0.53");
    std::vector<std::string> servers;
    for (const IpAddress& address : conf.servers) servers.push_back(address.text());
    CHECK(servers == std::vector<std::string>{"192.0.2.1", "2001:db8::1", "127.0.0.53"});
    CHECK(conf.skipped == std::vector<std::string>{"fe80::1%eth0"});
    CHECK(read_resolv_conf("").servers.empty());
    std::string many;
    for (int i = 0; i < 100; ++i) many += "nameserver 192.0.2." + std::to_string(i) + "\n";
    CHECK(read_resolv_conf(many).servers.size() == 16);
}

namespace {

std::vector<std::string> data_of(const std::optional<ipc::DnsAnswer>& answer) {
    std::vector<std::string> data;
    if (answer)
        for (const ipc::DnsRecord& record : answer->records) data.push_back(record.data.value);
    return data;
}

} // namespace

TEST_CASE("names and addresses of the hosts file") {
    const Hosts hosts("127.0.0.1\tlocalhost\n::1 localhost ip6-localhost\n192.0.2.1 Mail.Example.org mail # ours\n"
                      "192.0.2.2 mail.example.org\n192.0.2.1 mail.example.org\n#192.0.2.3 gone\nnonsense here\n192.0.2.4\n2001:db8::1 six six\n");
    using Data = std::vector<std::string>;
    CHECK(data_of(hosts.find({"mail.example.org", DnsType::a})) == Data{{"\xc0\0\2\1", 4}, {"\xc0\0\2\2", 4}});
    CHECK(data_of(hosts.find({"localhost", DnsType::aaaa})) == Data{std::string(15, '\0') + '\1'});
    CHECK(data_of(hosts.find({"1.2.0.192.in-addr.arpa", DnsType::ptr})) == Data{"mail.example.org"});
    CHECK(data_of(hosts.find({IpAddress::parse("2001:db8::1")->reverse_name(), DnsType::ptr})) == Data{"six"});
    const auto only_v4 = hosts.find({"mail", DnsType::aaaa});
    REQUIRE(only_v4);
    CHECK(only_v4->status == DnsStatus::no_data);
    CHECK_FALSE(only_v4->authentic);
    CHECK_FALSE(hosts.find({"mail.example.org", DnsType::mx}));
    CHECK_FALSE(hosts.find({"gone", DnsType::a}));
    CHECK_FALSE(hosts.find({"4.2.0.192.in-addr.arpa", DnsType::ptr}));
}
