#include "delivery/smtp/mx.h"

#include "libcommon/text.h"

#include <algorithm>

namespace postern::smtp_out {
namespace {

using ipc::DnsStatus;

std::vector<MxHost> hosts_of(const ipc::DnsAnswer& answer, Chance& chance) {
    std::vector<MxHost> hosts;
    for (const ipc::DnsRecord& record : answer.records)
        if (!record.data.empty()) hosts.push_back({record.data.value, record.preference});
    std::shuffle(hosts.begin(), hosts.end(), chance);
    std::stable_sort(hosts.begin(), hosts.end(), [](const MxHost& a, const MxHost& b) { return a.preference < b.preference; });
    return hosts;
}

// RFC 7505: one record, of the root.
bool is_null_mx(const ipc::DnsAnswer& answer) { return answer.records.size() == 1 && answer.records.begin()->data.empty(); }

} // namespace

Outcome no_answer(std::string_view name, const ipc::DnsAnswer& answer) {
    const std::string shown = printable(name, 255);
    switch (answer.status) {
    case DnsStatus::no_name: return failed("5.1.2", "no such domain: " + shown);
    case DnsStatus::bad_name: return failed("5.1.2", "not a domain: " + shown);
    case DnsStatus::found:
    case DnsStatus::no_data: return failed("5.4.4", "no address of " + shown);
    case DnsStatus::failed:
    case DnsStatus::timed_out: break;
    case DnsStatus::bogus: return bogus_answer("the DNS answer for " + shown + " is", answer);
    }
    return deferred("4.4.3", "the DNS does not answer for " + shown + ": " + printable(answer.reason.view(), 150));
}

// RFC 7672 section 2.1.1: as if the DNS had not answered; what is told apart is told to people and in reports.
Outcome bogus_answer(std::string_view what, const ipc::DnsAnswer& answer) {
    return deferred("4.7.5", std::string(what) + " bogus (" + printable(answer.reason.view(), 150) + ")");
}

Outcome loops_back(std::string_view domain) {
    return failed("5.4.6", "mail for " + printable(domain, 255) + " leads back to this host, which does not take it");
}

void cut_at(std::vector<MxHost>& hosts, std::uint16_t preference) {
    std::erase_if(hosts, [preference](const MxHost& host) { return host.preference >= preference; });
}

MxHosts choose_hosts(const std::string& domain, const ipc::DnsAnswer& answer,
                     const std::function<bool(std::string_view)>& is_us, Chance& chance) {
    MxHosts chosen;
    chosen.authentic = answer.authentic;
    if (answer.status == DnsStatus::no_data) {
        chosen.hosts = {{domain, 0}};                          // the implicit MX
    } else if (answer.status != DnsStatus::found) {
        chosen.problem = no_answer(domain, answer);
        return chosen;
    } else if (is_null_mx(answer)) {
        chosen.problem = failed("5.1.10", "556 5.1.10 " + printable(domain, 255) + " takes no mail (null MX)");
        return chosen;
    } else {
        chosen.hosts = hosts_of(answer, chance);
    }
    const auto us = std::find_if(chosen.hosts.begin(), chosen.hosts.end(), [&](const MxHost& host) { return is_us(host.name); });
    if (us != chosen.hosts.end()) cut_at(chosen.hosts, us->preference);
    if (chosen.hosts.empty()) chosen.problem = loops_back(domain);
    return chosen;
}

} // namespace postern::smtp_out
