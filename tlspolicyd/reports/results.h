// Results by stretch, policy and failure, and how far each stretch's report is. Every change is one transaction.
//
//   state       rows                              left by                                  a start finds it and
//   gathering   stretch, policies, details        its time, or an operator                 goes on
//   asking      the same                          the DNS, which says where it goes        asks again when that is due
//   sending     the same, and targets             the answer or the giving up of each      tries each target again when that is due
//   sent        the same: a target took it        keep_days                                shows it
//   failed      the same: none did                keep_days                                shows it
//
// A stretch whose domain asks for no report ends with all its rows. A target is tried again until it has answered well, and that is
// written behind the answer: a process that dies between them sends the same report, with the same report-id, once more.
#pragma once

#include "libsql/sqlite.h"
#include "tlspolicyd/reports/record.h"
#include "tlspolicyd/reports/report.h"

#include <functional>

namespace postern::tlsrpt {

// A domain's hosts can make at most this of it, whatever they do; and all domains together.
struct Bounds {
    std::size_t domains_a_day = 20'000, policies = 16, details = 64;
};

struct DueTarget {
    Stretch stretch;
    Target target;
    std::uint32_t tries = 0;
};

class Results {
  public:
    // When the report of a domain's day is due, in seconds.
    using DueTime = std::function<std::int64_t(std::int64_t day, std::string_view domain)>;
    Results(sql::Database& db, DueTime due, Bounds bounds = {}) : db_(db), due_(std::move(due)), bounds_(bounds) {}

    // How many of them, counted by session, found no place.
    struct Lost {
        std::uint64_t domains = 0, details = 0;      // of details the session is counted in the sum nevertheless
    };
    Result<Lost> add(const ipc::TlsResults& results, std::int64_t now);

    // What is to be done at `now`. Each is put off by the pause of its attempt before it is given out: an attempt that is never
    // answered is one that failed.
    Result<std::vector<Stretch>> take_due(std::int64_t now, std::size_t limit);
    Result<std::vector<DueTarget>> take_due_targets(std::int64_t now, std::size_t limit);
    Result<void> set_targets(std::int64_t stretch, const std::vector<Target>& targets, std::int64_t now);
    Result<void> end(std::int64_t stretch);
    // A target has answered, or is given up: then `sent` or `failed`. With the last of them the stretch is over.
    Result<void> end_target(std::int64_t stretch, std::string_view uri, ipc::TlsReportState state, std::string_view reason);
    Result<void> note_failure(std::int64_t stretch, std::string_view uri, std::string_view reason);

    // Without failures; at most so many rows as fit into one answer, and of each domain all.
    Result<ipc::TlsResultListing> list(const ipc::ListTlsResults& ask, std::int64_t day);
    // The latest stretch of the domain, of `day` where that is not latest_day.
    Result<std::optional<Stretch>> find(std::string_view domain, std::int64_t day);
    Result<std::vector<PolicyResults>> policies(std::int64_t stretch);
    Result<std::vector<ipc::TlsReportTarget>> targets(std::int64_t stretch);
    // An operator wants it now: of a day that is not over the stretch ends here, of one that was sent or failed it begins again.
    Result<Stretch> send_now(Stretch stretch, std::int64_t now);

    static constexpr std::int64_t keep_days = 3;
    Result<void> forget_old(std::int64_t now);

  private:
    Result<std::int64_t> stretch_for(const std::string& domain, std::int64_t now);   // 0: no place
    Result<void> add_one(const ipc::TlsResult& result, std::int64_t now, Lost& lost);
    Result<std::int64_t> policy_for(std::int64_t stretch, const ipc::TlsResult& result);
    Result<void> add_detail(std::int64_t policy, const ipc::TlsResult& result, Lost& lost);
    Result<std::optional<std::int64_t>> number(sql::Rows rows);
    Result<bool> has_room(std::int64_t day);

    sql::Database& db_;
    DueTime due_;
    Bounds bounds_;
    std::int64_t day_ = -1;                          // whose domains are counted
    std::size_t domains_ = 0;
};

} // namespace postern::tlsrpt
