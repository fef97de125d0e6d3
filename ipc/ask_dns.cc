#include "ipc/ask_dns.h"

namespace postern::ipc {
namespace {

constexpr std::chrono::seconds deadline{60};               // resolvd gives up long before

} // namespace

void ask_dns(Daemon& daemon, std::string_view name, DnsType type, std::function<void(const DnsAnswer&)> done) {
    DnsQuery query;
    query.name = name.substr(0, decltype(query.name)::limit);
    query.record = type;
    daemon.link(ServiceId::resolvd)
        .call<DnsQuery>(
            query,
            [done = std::move(done)](Result<DnsAnswer> answer) {
                if (answer) return done(*answer);
                DnsAnswer none;
                none.reason = answer.error().message().substr(0, decltype(none.reason)::limit);
                done(none);
            },
            deadline);
}

} // namespace postern::ipc
