// postern-tlspolicyd: what other domains demand of TLS, and what they are told of it. See README.md and postern-tlspolicyd(8).
#include "libcommon/text.h"
#include "tlspolicyd/reports/reports.h"
#include "tlspolicyd/reports/schema.h"
#include "tlspolicyd/sts/service.h"

#include <stdexcept>

namespace {

using namespace postern;

sql::Database opened(Result<sql::Database> db) {
    if (!db) throw std::runtime_error(db.error().message());
    return std::move(*db);
}

// A policy that could not be had: no session had a chance (RFC 8460 section 4.3.2.2).
ipc::TlsResults result_of(const sts::Failure& failure) {
    ipc::TlsResult result;
    result.domain = failure.domain;
    result.policy = ipc::TlsPolicyType::sts;
    result.sts_id = failure.id;
    result.result = failure.type;
    result.reason = printable(failure.reason).substr(0, decltype(result.reason)::limit);
    return {{{std::move(result)}}};
}

} // namespace

int main() {
    return ipc::run_daemon({.self = ipc::ServiceId::tlspolicyd, .prepare = {}, .start = [](ipc::Daemon& daemon) {
        static tlsrpt::Reports reports(daemon, opened(tlsrpt::open_results(daemon.state() / "results.db")));
        static sts::Service policies(daemon, opened(sts::open_policies(daemon.state() / "policies.db")),
                                     [](const sts::Failure& failure) { reports.note(result_of(failure)); });
        reports.quote_policies([](const std::string& domain, const std::string& id) { return policies.policy_lines(domain, id); });
        daemon.on_reload([] {
            reports.configure();
            policies.configure();
        });
    }});
}
