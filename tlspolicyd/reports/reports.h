// TLSRPT (RFC 8460), the sending side: results in, one report for each domain and day out. The only file of this folder that knows
// channels and the clock.
#pragma once

#include "ipc/daemon.h"
#include "tlspolicyd/reports/delivery.h"
#include "tlspolicyd/reports/results.h"

#include <functional>

namespace postern::tlsrpt {

class Reports {
  public:
    Reports(ipc::Daemon& daemon, sql::Database db);
    // What a report quotes: the lines of the policy of that domain and id, where it is still known.
    using PolicyLines = std::function<std::vector<std::string>(const std::string& domain, const std::string& sts_id)>;
    void quote_policies(PolicyLines lines) { policy_lines_ = std::move(lines); }

    void configure();                                // again, at a reload
    // Of a policy that could not be had, say: what is known here and not in smtp-out.
    void note(const ipc::TlsResults& results);

  private:
    struct Settings {
        bool enabled = true;
        std::int64_t delay = 0;                      // seconds
        Reporter reporter;
    };
    void serve_management();
    ipc::TlsResultListing list(const ipc::ListTlsResults& ask);
    ipc::TlsReport show(const ipc::ShowTlsReport& ask);
    void describe(const Stretch& stretch, ipc::TlsReport& report);

    void tell_lost(const Results::Lost& lost);
    void work();
    void ask(const Stretch& stretch);
    void answered(const Stretch& stretch, const ipc::DnsAnswer& answer);
    void send(const DueTarget& due);
    void delivered(const DueTarget& due, const Delivered& outcome);
    std::vector<PolicyResults> results_of(const Stretch& stretch);
    std::string text_of(const Stretch& stretch);

    ipc::Daemon& daemon_;
    sql::Database db_;
    PolicyLines policy_lines_;
    Settings settings_;
    Results results_;
    std::size_t running_ = 0;
    std::int64_t tidied_ = 0, lost_told_ = -1;       // a time, a day
    Timer work_;
};

} // namespace postern::tlsrpt
