#include "delivery/smtp/tls_policy.h"

#include "libcommon/text.h"

#include <algorithm>
#include <iterator>

namespace postern::smtp_out {
namespace {

constexpr std::string_view level_names[] = {"none", "may", "dane", "encrypt", "verify", "secure"};

using Proof = tls::ServerIdentity::Proof;

void prove_by_certificate(TlsPlan& plan, std::vector<std::string> names) {
    plan.use = TlsUse::must;
    plan.identity.proof = Proof::certificate;
    plan.identity.names = std::move(names);
}

// RFC 7672 section 3.2.2: the TLSA base domain, or the domain the mail is for.
void prove_by_dane(TlsPlan& plan, const mail::NextHop& hop, const DaneFinding& dane) {
    plan.use = TlsUse::must;
    plan.identity.proof = Proof::dane;
    plan.identity.server_name = dane.base;       // section 8.1: SNI is the base domain
    plan.identity.names = {dane.base, hop.host};
    plan.identity.tlsa = dane.records;
}

// The certificate of the host's name (RFC 8461 section 4.1), which in testing is looked at and binds nobody.
void prove_by_policy(TlsPlan& plan, const std::string& host, const StsFinding& sts) {
    plan.identity.proof = Proof::certificate;
    plan.identity.names = {host};
    plan.identity.binding = sts.mode == ipc::StsMode::enforce;
    if (plan.identity.binding) plan.use = TlsUse::must;
    plan.basis = plan.identity.binding ? TlsBasis::sts : TlsBasis::sts_testing;
    plan.sts_id = sts.id;
    plan.sts_listed = sts.listed;
}

// What the domain says of itself: by TLSA records, which no policy overrides (RFC 8461 section 2), then by its policy.
void plan_by_domain(TlsPlan& plan, const TlsDemands& demands, const mail::NextHop& hop, const std::string& host, const DaneFinding& dane,
                    const StsFinding& sts) {
    plan.basis = dane.state == DaneFinding::State::none ? TlsBasis::opportunistic : TlsBasis::dane;
    if (dane.state == DaneFinding::State::usable) return prove_by_dane(plan, hop, dane);
    if (dane.state == DaneFinding::State::unusable) plan.use = TlsUse::must;             // RFC 7672 section 2.2
    if (sts.mode != ipc::StsMode::none) prove_by_policy(plan, host, sts);
    if (demands.require_tls) {
        prove_by_certificate(plan, {host});
        plan.identity.binding = true;
    }
    plan.fallback = plan.use == TlsUse::may && demands.may_fall_back;
}

} // namespace

std::optional<TlsLevel> parse_tls_level(std::string_view name) {
    const auto at = std::find(std::begin(level_names), std::end(level_names), name);
    if (at == std::end(level_names)) return std::nullopt;
    return static_cast<TlsLevel>(at - std::begin(level_names));
}

std::string_view to_string(TlsLevel level) { return level_names[static_cast<std::size_t>(level)]; }

TlsPolicy TlsPolicy::parse(TlsLevel fallback, const std::vector<std::string>& lines, std::vector<std::string>& faults) {
    TlsPolicy policy;
    policy.fallback_ = fallback;
    for (const std::string& line : lines) {
        const auto end = line.find_first_of(" \t=");
        std::string key = ascii_lower(trim(line.substr(0, end)));
        const auto level = end == std::string::npos ? std::nullopt : parse_tls_level(trim(std::string_view(line).substr(end + 1)));
        if (!level) faults.push_back(line);
        if (const auto hop = mail::parse_next_hop(key)) key = hop->text();
        else if (!key.starts_with('.')) faults.push_back(line);
        policy.levels_[key] = level.value_or(TlsLevel::secure);
    }
    return policy;
}

// The next hop as it stands, then its host, then what is above that.
const TlsLevel* TlsPolicy::find(const mail::NextHop& hop) const {
    for (const std::string& key : {hop.text(), hop.host})
        if (const auto at = levels_.find(key); at != levels_.end()) return &at->second;
    if (hop.address) return nullptr;
    for (auto dot = hop.host.find('.'); dot != std::string::npos; dot = hop.host.find('.', dot + 1))
        if (const auto at = levels_.find(std::string_view(hop.host).substr(dot)); at != levels_.end()) return &at->second;
    return nullptr;
}

TlsLevel TlsPolicy::level_for(const mail::NextHop& hop, bool with_password, bool require_tls) const {
    const TlsLevel* said = find(hop);
    TlsLevel level = said ? *said : fallback_;
    if (with_password) level = std::max(level, said ? TlsLevel::encrypt : TlsLevel::secure);
    if (require_tls && level != TlsLevel::dane) level = std::max(level, TlsLevel::verify);
    return level;
}

bool TlsPlan::operator==(const TlsPlan& other) const {
    return use == other.use && fallback == other.fallback && identity.server_name == other.identity.server_name &&
           identity.proof == other.identity.proof && identity.binding == other.identity.binding && identity.names == other.identity.names &&
           identity.tlsa == other.identity.tlsa && basis == other.basis && sts_id == other.sts_id && sts_listed == other.sts_listed;
}

std::string_view proof_name(const TlsPlan& plan, tls::Authentication authentication) {
    return plan.basis == TlsBasis::sts && authentication == tls::Authentication::pkix ? "sts" : tls::to_string(authentication);
}

TlsPlan plan_tls(const TlsDemands& demands, const mail::NextHop& hop, const std::string& host, const DaneFinding& dane,
                 const StsFinding& sts) {
    TlsPlan plan;
    plan.identity.server_name = hop.address ? "" : host;         // RFC 6066 section 3: no address is a server name
    switch (demands.level) {
    case TlsLevel::none: plan.use = TlsUse::never; break;
    case TlsLevel::may: plan.fallback = demands.may_fall_back; break;
    case TlsLevel::dane: plan_by_domain(plan, demands, hop, host, dane, sts); break;
    case TlsLevel::encrypt: plan.use = TlsUse::must; break;
    case TlsLevel::verify: prove_by_certificate(plan, {host}); break;
    case TlsLevel::secure:
        prove_by_certificate(plan, hop.address ? std::vector{hop.host} : std::vector{hop.host, "." + hop.host});
        break;
    }
    return plan;
}

} // namespace postern::smtp_out
