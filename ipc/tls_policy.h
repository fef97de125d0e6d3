// What other domains demand of TLS to their hosts (MTA-STS, RFC 8461), and what came of it (TLSRPT, RFC 8460): smtp-out asks and
// tells tlspolicyd, the one owner of both.
#pragma once

#include "ipc/admin.h"
#include "ipc/dns.h"
#include "ipc/queue.h"

namespace postern::ipc {

enum class StsMode : std::uint8_t { none, testing, enforce };
constexpr StsMode last_enumerator(StsMode) { return StsMode::enforce; }
constexpr std::string_view to_string(StsMode mode) {
    constexpr std::string_view names[] = {"none", "testing", "enforce"};
    return names[static_cast<std::size_t>(mode)];
}

// RFC 8460 section 4.3, in that order, after `success`.
enum class TlsResultType : std::uint8_t {
    success,
    starttls_not_supported, certificate_host_mismatch, certificate_expired, certificate_not_trusted, validation_failure,
    tlsa_invalid, dnssec_invalid, dane_required,
    sts_policy_fetch_error, sts_policy_invalid, sts_webpki_invalid,
};
constexpr TlsResultType last_enumerator(TlsResultType) { return TlsResultType::sts_webpki_invalid; }
constexpr std::string_view to_string(TlsResultType type) {
    constexpr std::string_view names[] = {"success", "starttls-not-supported", "certificate-host-mismatch", "certificate-expired",
                                          "certificate-not-trusted", "validation-failure", "tlsa-invalid", "dnssec-invalid", "dane-required",
                                          "sts-policy-fetch-error", "sts-policy-invalid", "sts-webpki-invalid"};
    return names[static_cast<std::size_t>(type)];
}

// RFC 8460 section 4.2.
enum class TlsPolicyType : std::uint8_t { no_policy_found, tlsa, sts };
constexpr TlsPolicyType last_enumerator(TlsPolicyType) { return TlsPolicyType::sts; }
constexpr std::string_view to_string(TlsPolicyType type) {
    constexpr std::string_view names[] = {"no-policy-found", "tlsa", "sts"};
    return names[static_cast<std::size_t>(type)];
}

constexpr std::size_t max_mx_patterns = 64;

// A domain without a policy, or one whose policy could not be had: mode none.
struct TlsPolicy {
    static constexpr auto type = MessageType::tls_policy;
    bool known = false;              // false: tlspolicyd cannot say (its database is broken): nothing is sent to who might enforce
    StsMode mode = StsMode::none;
    Text<32> id;                     // of the record; empty: there is no policy
    List<DnsName, max_mx_patterns> mx;      // "mail.example.com", "*.example.net"
    std::int64_t fetched = 0, expires = 0;  // seconds since the epoch
    Text<256> reason;                // why there is none, or none newer, for people
    bool may_come = false;           // none is known, and it is not the domain that says so: it may be had another time
    static auto fields(auto& m) { return std::tie(m.known, m.mode, m.id, m.mx, m.fetched, m.expires, m.reason); }
    static auto added(auto& m) { return std::tie(m.may_come); }
};
struct TlsPolicyQuery {
    static constexpr auto type = MessageType::tls_policy_query;
    using Reply = TlsPolicy;
    Text<1024> domain;               // of the recipient, or of the smarthost that is found by MX; in A-labels
    bool renew = false;              // by an operator: fetched again now
    static auto fields(auto& m) { return std::tie(m.domain, m.renew); }
};

// What came of attempts to agree on TLS with a host of `domain`, gathered for a moment: `count` of the same kind. No answer.
struct TlsResult {
    DnsName domain;                  // the policy domain
    TlsPolicyType policy = TlsPolicyType::no_policy_found;
    Text<32> sts_id;                 // of sts: the policy it was measured by
    List<Text<256>, 16> tlsa;        // of tlsa: the records, "3 1 1 ab12…"
    TlsResultType result = TlsResultType::success;
    Text<64> sending_ip, receiving_ip;
    DnsName mx_host;                 // as in the MX
    Text<256> reason;                // a failure in words; printable
    std::uint32_t count = 1;
    bool operator==(const TlsResult&) const = default;
    static auto fields(auto& m) {
        return std::tie(m.domain, m.policy, m.sts_id, m.tlsa, m.result, m.sending_ip, m.receiving_ip, m.mx_host, m.reason, m.count);
    }
};
struct TlsResults {
    static constexpr auto type = MessageType::tls_results;
    List<TlsResult, 256> results;
    static auto fields(auto& m) { return std::tie(m.results); }
};

// What becomes of a stretch of results: gathered until its time, then made a report for who asks for one in the DNS.
enum class TlsReportState : std::uint8_t { gathering, asking, sending, sent, failed };
constexpr TlsReportState last_enumerator(TlsReportState) { return TlsReportState::failed; }
constexpr std::string_view to_string(TlsReportState state) {
    constexpr std::string_view names[] = {"gathering", "asking", "sending", "sent", "failed"};
    return names[static_cast<std::size_t>(state)];
}

// Of one domain by one policy, in one stretch: a day, or a part of one where an operator had it sent before its end.
struct TlsResultRow {
    DnsName domain;
    std::int64_t began = 0, ended = 0;       // seconds since the epoch
    TlsReportState state = TlsReportState::gathering;
    TlsPolicyType policy = TlsPolicyType::no_policy_found;
    std::uint64_t successes = 0, failures = 0;
    static auto fields(auto& m) { return std::tie(m.domain, m.began, m.ended, m.state, m.policy, m.successes, m.failures); }
};
constexpr std::int64_t latest_day = -1;      // today for results; for a report the last there are results of

struct TlsResultListing {
    static constexpr auto type = MessageType::tls_result_listing;
    List<TlsResultRow, 500> rows;            // by domain
    List<TlsResult, 256> failures;           // of the one domain that was asked for: those with details
    DnsName next;                            // what to ask for as `after`; empty: no more
    static auto fields(auto& m) { return std::tie(m.rows, m.failures, m.next); }
};
struct ListTlsResults {
    static constexpr auto type = MessageType::list_tls_results;
    using Reply = TlsResultListing;
    std::int64_t day = latest_day;           // since the epoch, in UTC
    DnsName domain;                          // empty: all
    DnsName after;                           // of all: those behind it
    std::uint32_t limit = 100;
    static auto fields(auto& m) { return std::tie(m.day, m.domain, m.after, m.limit); }
};

// Where a report goes, as far as that is known.
struct TlsReportTarget {
    Text<2048> uri;
    TlsReportState state = TlsReportState::sending;
    std::uint32_t attempts = 0;
    Text<256> reason;                        // of the last failure
    static auto fields(auto& m) { return std::tie(m.uri, m.state, m.attempts, m.reason); }
};
struct TlsReport {
    static constexpr auto type = MessageType::tls_report;
    bool found = false;
    TlsReportState state = TlsReportState::gathering;
    Text<max_inline_body> json;              // RFC 8460 section 4.4
    List<TlsReportTarget, 16> targets;
    Text<256> reason;                        // why it is not found, or not sent
    static auto fields(auto& m) { return std::tie(m.found, m.state, m.json, m.targets, m.reason); }
};
// The report of the latest stretch of that day; `send` begins to send it now, and ends its stretch if its day is not over.
struct ShowTlsReport {
    static constexpr auto type = MessageType::show_tls_report;
    using Reply = TlsReport;
    Actor actor;
    DnsName domain;
    std::int64_t day = latest_day;
    bool send = false;
    static auto fields(auto& m) { return std::tie(m.actor, m.domain, m.day, m.send); }
};

} // namespace postern::ipc
