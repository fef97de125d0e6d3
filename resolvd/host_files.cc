#include "resolvd/host_files.h"

#include "libcommon/text.h"
#include "resolvd/name.h"

#include <algorithm>

namespace postern::dns {
namespace {

constexpr std::size_t max_servers = 16, max_listed = 256;

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    for (auto at = line.find_first_not_of(" \t\r"); at != line.npos; at = line.find_first_not_of(" \t\r")) {
        line.remove_prefix(at);
        words.push_back(line.substr(0, line.find_first_of(" \t\r")));
        line.remove_prefix(words.back().size());
    }
    return words;
}

template <class T> void add(std::vector<T>& to, const T& item) {
    if (to.size() < max_listed && std::find(to.begin(), to.end(), item) == to.end()) to.push_back(item);
}

} // namespace

ResolvConf read_resolv_conf(std::string_view text) {
    ResolvConf conf;
    for (const std::string_view line : split(text, '\n')) {
        const auto words = words_of(line);                 // a comment has # or ; in its first column
        if (words.size() < 2 || words[0] != "nameserver" || conf.servers.size() == max_servers) continue;
        if (const auto address = IpAddress::parse(words[1])) conf.servers.push_back(*address);
        else conf.skipped.push_back(printable(words[1]));
    }
    return conf;
}

Hosts::Hosts(std::string_view text) {
    for (const std::string_view line : split(text, '\n')) read_line(line.substr(0, line.find('#')));
}

void Hosts::read_line(std::string_view line) {
    const auto words = words_of(line);
    const auto address = words.size() < 2 ? std::nullopt : IpAddress::parse(words[0]);
    if (!address) return;
    for (std::size_t i = 1; i < words.size(); ++i) {
        const auto name = normal_name(words[i]);
        if (!name) continue;
        add(addresses_[*name], *address);
        if (i == 1) add(names_[address->reverse_name()], *name);
    }
}

std::optional<ipc::DnsAnswer> Hosts::find(const Question& question) const {
    ipc::DnsAnswer answer;
    const auto record = [&](std::string data) {
        answer.records.push_back({});
        answer.records.items.back().data = std::move(data);
    };
    if (question.type == ipc::DnsType::a || question.type == ipc::DnsType::aaaa) {
        const auto found = addresses_.find(question.name);
        if (found == addresses_.end()) return std::nullopt;
        for (const IpAddress& address : found->second)
            if (address.is_v4() == (question.type == ipc::DnsType::a)) record(address.bytes());
    } else if (question.type == ipc::DnsType::ptr) {
        const auto found = names_.find(question.name);
        if (found == names_.end()) return std::nullopt;
        for (const std::string& name : found->second) record(name);
    } else {
        return std::nullopt;
    }
    answer.status = answer.records.empty() ? ipc::DnsStatus::no_data : ipc::DnsStatus::found;
    answer.canonical = question.name;
    answer.ttl = ttl;
    answer.source = "hosts";
    return answer;
}

} // namespace postern::dns
