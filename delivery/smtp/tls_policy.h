// How far TLS is demanded, by destination, and what that means for one host. Pure.
//
//   none      in clear
//   may       TLS where it is offered; whose it is does not matter
//   dane      as TLSA records demand (RFC 7672), else as the domain's MTA-STS policy does (RFC 8461); may where there is neither
//   encrypt   TLS or nothing; whose it is does not matter
//   verify    TLS with a certificate of the host's name
//   secure    TLS with a certificate of the destination's own name, or one below it: the DNS need not be trusted
#pragma once

#include "delivery/smtp/opening.h"
#include "ipc/tls_policy.h"
#include "libmail/next_hop.h"
#include "libtls/client.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace postern::smtp_out {

enum class TlsLevel : std::uint8_t { none, may, dane, encrypt, verify, secure };
std::optional<TlsLevel> parse_tls_level(std::string_view name);
std::string_view to_string(TlsLevel level);

class TlsPolicy {
  public:
    // Lines "destination level", or "destination=level". A destination is a domain, ".domain" for all below it, or a next hop: "[relay.example]:587".
    // What is wrong with lines goes to `faults`; a destination whose level is not known gets the strictest one.
    static TlsPolicy parse(TlsLevel fallback, const std::vector<std::string>& lines, std::vector<std::string>& faults);

    // `with_password`: we log in there. It is then secure, unless a line says otherwise, and encrypted in any case.
    // `require_tls`: RFC 8689 section 4.2.1, step 3: the host must prove its name.
    TlsLevel level_for(const mail::NextHop& hop, bool with_password, bool require_tls) const;

  private:
    const TlsLevel* find(const mail::NextHop& hop) const;
    TlsLevel fallback_ = TlsLevel::dane;
    std::map<std::string, TlsLevel, std::less<>> levels_;
};

// What the DNS says of a host's certificate.
struct DaneFinding {
    enum class State : std::uint8_t { none, unusable, usable } state = State::none;
    std::string base;                            // the name the records are of
    std::vector<tls::Tlsa> records = {};         // usable ones
};

// What the policy of the recipient's domain (RFC 8461) says of a host.
struct StsFinding {
    ipc::StsMode mode = ipc::StsMode::none;
    std::string id;                              // of the policy
    bool listed = false;                         // the host is of its mx; one that is not, of a policy enforced, is not to be planned for
};

// What a plan stands on.
enum class TlsBasis : std::uint8_t {
    configured,          // a level that asks nobody: none, may, encrypt, verify, secure
    opportunistic,       // level dane, where the DNS and the web say nothing
    dane,                // TLSA records, usable or not
    sts,                 // a policy that is enforced
    sts_testing,         // a policy in testing: as opportunistic, but what enforcing it would have refused is told
};

// For one host: whether STARTTLS must be, what is to be proved, and whether a failed handshake may be followed by clear text.
struct TlsPlan {
    TlsUse use = TlsUse::may;
    bool fallback = false;
    tls::ServerIdentity identity;
    TlsBasis basis = TlsBasis::configured;
    std::string sts_id = {};                     // of the policy, where there is one that counts
    bool sts_listed = false;                     // the host is of its mx
    bool operator==(const TlsPlan&) const;
};
struct TlsDemands {
    TlsLevel level = TlsLevel::dane;
    bool require_tls = false;                    // RFC 8689
    bool may_fall_back = false;
};
// What a server proved, for people: "sts" is a certificate that a policy demands.
std::string_view proof_name(const TlsPlan& plan, tls::Authentication authentication);
TlsPlan plan_tls(const TlsDemands& demands, const mail::NextHop& hop, const std::string& host, const DaneFinding& dane,
                 const StsFinding& sts);

} // namespace postern::smtp_out
