// A report as RFC 8460 section 4.4 writes it, its names, and when it is due. Pure, and the same bytes for the same results: what is
// sent once more after a crash is known by its report-id.
#pragma once

#include "ipc/tls_policy.h"
#include "libcommon/json.h"

#include <string>
#include <vector>

namespace postern::tlsrpt {

// Who reports.
struct Reporter {
    std::string organization, contact, from;         // the last two are addresses
    std::string hostname = {};
    std::string submitter() const;                   // the domain of the contact address: section 5.3
};

// A stretch of one UTC day in which results of one domain were gathered.
struct Stretch {
    std::int64_t id = 0;
    std::string domain;
    std::int64_t day = 0;                            // since the epoch
    std::int64_t began = 0, ended = 0;               // seconds; `ended` is the first one that is not in it
    std::int64_t due = 0;
    std::uint32_t tries = 0;                         // to learn from the DNS where its report goes
    ipc::TlsReportState state = ipc::TlsReportState::gathering;
};

struct FailureCount {
    ipc::TlsResultType result = ipc::TlsResultType::validation_failure;
    std::string sending_ip, receiving_ip, mx_host, reason;
    std::uint64_t count = 0;
};
// What came of sessions under one policy.
struct PolicyResults {
    ipc::TlsPolicyType type = ipc::TlsPolicyType::no_policy_found;
    std::string sts_id;
    std::vector<std::string> lines;                  // policy-string: TLSA records, or the lines of the policy; empty: not known
    std::uint64_t successes = 0, failures = 0;
    std::vector<FailureCount> details;
};

std::string report_id(const Reporter& reporter, const Stretch& stretch);
json::Value report_json(const Reporter& reporter, const Stretch& stretch, const std::vector<PolicyResults>& policies);

// RFC 1952, with nothing in it that changes from one time to the next.
std::string gzip(std::string_view bytes);
std::string file_name(const Reporter& reporter, const Stretch& stretch);         // section 5.1

// Section 4.1: spread over `delay` after the day, each domain at its own time, always the same.
std::int64_t due_time(std::int64_t day, std::string_view domain, std::string_view reporter, std::int64_t delay);
// Section 5.5: growing pauses, for a day in all.
constexpr std::uint32_t max_tries = 8;
std::int64_t pause_after(std::uint32_t tries);
constexpr std::int64_t day_seconds = 86'400;

} // namespace postern::tlsrpt
