#include "delivery/smtp/tls_results.h"

#include "delivery/smtp/counters.h"
#include "libcommon/text.h"

namespace postern::smtp_out {
namespace {

using ipc::TlsPolicyType;
using ipc::TlsResultType;
using Proof = tls::ServerIdentity::Proof;

constexpr std::chrono::seconds gathering{1};
constexpr std::string_view unlisted = "the policy does not name this host";
constexpr std::size_t most = decltype(ipc::TlsResults::results)::limit;

using Reason = decltype(ipc::TlsResult::reason);
std::string reason_in(std::string_view text) { return printable(text).substr(0, Reason::limit); }

TlsPolicyType policy_of(TlsBasis basis) {
    switch (basis) {
    case TlsBasis::configured:
    case TlsBasis::opportunistic: break;
    case TlsBasis::dane: return TlsPolicyType::tlsa;
    case TlsBasis::sts:
    case TlsBasis::sts_testing: return TlsPolicyType::sts;
    }
    return TlsPolicyType::no_policy_found;
}

TlsResultType result_of(tls::CertificateFault fault) {
    switch (fault) {
    case tls::CertificateFault::none: return TlsResultType::success;
    case tls::CertificateFault::expired: return TlsResultType::certificate_expired;
    case tls::CertificateFault::other_host: return TlsResultType::certificate_host_mismatch;
    case tls::CertificateFault::not_trusted: return TlsResultType::certificate_not_trusted;
    case tls::CertificateFault::no_tlsa_match: break;
    }
    return TlsResultType::validation_failure;
}

// RFC 7672 section 2.2: with records that help nobody TLS is used, and proves nothing.
bool has_unusable_records(const TlsPlan& plan) { return plan.basis == TlsBasis::dane && plan.identity.proof != Proof::dane; }

// RFC 8461 section 5: of a policy in testing, that its domain forgot a host is told, and stops nothing.
bool is_unlisted(const TlsPlan& plan) { return policy_of(plan.basis) == TlsPolicyType::sts && !plan.sts_listed; }

TlsEnd end_of(const Conversation& conversation) {
    const Opening& opening = conversation.opening();
    if (opening.was_secured()) return {TlsEnd::Of::secured, conversation.fault(), {}};
    if (opening.tls_failed()) return {TlsEnd::Of::failed, conversation.fault(), opening.problem().text};
    if (opening.has_no_starttls()) return {TlsEnd::Of::no_starttls, {}, {}};
    return {};
}

std::string reason_of(const TlsPlan& plan, const TlsEnd& end) {
    if (!end.fault.words.empty()) return reason_in(end.fault.words);
    if (end.of == TlsEnd::Of::secured && is_unlisted(plan)) return std::string(unlisted);
    return reason_in(end.why);
}

// As a zone file has it: section 4.4.
std::string text_of(const tls::Tlsa& record) {
    return std::to_string(record.usage) + " " + std::to_string(record.selector) + " " + std::to_string(record.matching) + " " +
           to_hex(record.data);
}

} // namespace

std::optional<TlsResultType> judge(const TlsPlan& plan, const TlsEnd& end) {
    if (plan.use == TlsUse::never || end.of == TlsEnd::Of::unknown) return std::nullopt;
    if (end.of == TlsEnd::Of::no_starttls) return TlsResultType::starttls_not_supported;
    if (const TlsResultType fault = result_of(end.fault.kind); fault != TlsResultType::success) return fault;
    if (end.of == TlsEnd::Of::failed || is_unlisted(plan)) return TlsResultType::validation_failure;
    return has_unusable_records(plan) ? TlsResultType::tlsa_invalid : TlsResultType::success;
}

std::optional<ipc::TlsResult> tls_result(const Conversation& conversation) {
    const TlsPlan& plan = conversation.peer().tls;
    const TlsEnd end = end_of(conversation);
    const auto judged = judge(plan, end);
    if (!judged) return std::nullopt;
    ipc::TlsResult result;
    result.policy = policy_of(plan.basis);
    result.sts_id = result.policy == TlsPolicyType::sts ? plan.sts_id : "";
    for (const tls::Tlsa& record : plan.identity.tlsa) {
        std::string text = text_of(record);
        const bool fits = text.size() <= decltype(result.tlsa)::value_type::limit && result.tlsa.size() < decltype(result.tlsa)::limit;
        if (fits) result.tlsa.push_back(std::move(text));
    }
    result.result = *judged;
    if (*judged == TlsResultType::success) return result;        // of which reports give the number alone
    result.sending_ip = conversation.local_address();
    result.receiving_ip = conversation.peer().address.text();
    result.mx_host = conversation.peer().host;
    result.reason = reason_of(plan, end);
    return result;
}

ipc::TlsResult bogus_dns(const std::string& host, std::string_view why) {
    ipc::TlsResult result;
    result.policy = TlsPolicyType::tlsa;
    result.result = TlsResultType::dnssec_invalid;
    result.mx_host = host;
    result.reason = reason_in(why);
    return result;
}

ipc::TlsResult unlisted_host(const std::string& host, const std::string& sts_id) {
    ipc::TlsResult result;
    result.policy = TlsPolicyType::sts;
    result.sts_id = sts_id;
    result.result = TlsResultType::validation_failure;
    result.mx_host = host;
    result.reason = unlisted;
    return result;
}

void TlsTally::add(ipc::TlsResult result) {
    const std::string key = encode(result);
    if (const auto known = results_.find(key); known != results_.end()) {
        ++known->second.count;
        return;
    }
    if (results_.size() == most) flush();
    if (results_.size() == most) return counters::untold.add();
    results_.emplace(key, std::move(result));
    if (!timer_.armed()) timer_.once(gathering);
}

void TlsTally::flush() {
    timer_.cancel();
    if (results_.empty()) return;
    ipc::TlsResults message;
    for (const auto& [key, result] : results_) message.results.push_back(result);
    if (tell_(message)) results_.clear();
    else timer_.once(gathering);
}

} // namespace postern::smtp_out
