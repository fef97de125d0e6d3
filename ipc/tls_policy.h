// What other domains demand of TLS to their hosts (MTA-STS, RFC 8461), and what came of it (TLSRPT, RFC 8460): smtp-out asks and
// tells tlspolicyd, the one owner of both.
#pragma once

#include "ipc/dns.h"

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
    static auto fields(auto& m) { return std::tie(m.known, m.mode, m.id, m.mx, m.fetched, m.expires, m.reason); }
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

} // namespace postern::ipc
