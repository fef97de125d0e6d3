// What came of TLS with other hosts, for the reports their domains get (RFC 8460): one result for each connection that came as far as
// STARTTLS, and equal ones counted before tlspolicyd is told.
#pragma once

#include "delivery/smtp/conversation.h"
#include "ipc/tls_policy.h"

#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

namespace postern::smtp_out {

// How TLS ended on one connection; all that a result is made of.
struct TlsEnd {
    enum class Of : std::uint8_t { unknown, no_starttls, failed, secured } of = Of::unknown;   // unknown: it did not come that far
    tls::PeerFault fault = {};
    std::string why = {};                        // of one that failed
};
// Of section 4.3; nothing: there was no attempt. Pure.
std::optional<ipc::TlsResultType> judge(const TlsPlan& plan, const TlsEnd& end);

// Without its domain.
std::optional<ipc::TlsResult> tls_result(const Conversation& conversation);
// DNSSEC says that what the DNS answers is not true: of a host's addresses or TLSA records, of the MX where there is no host. Section 4.3.2.
ipc::TlsResult bogus_dns(const std::string& host, std::string_view why);
// A policy that is enforced does not name the host, so it was not connected to.
ipc::TlsResult unlisted_host(const std::string& host, const std::string& sts_id);

// What a second brings, told at once; it waits longer while there is nobody to tell. Of different results there are at most as many as
// fit into one message: beyond, while nobody takes them, they are lost and counted.
class TlsTally {
  public:
    using Tell = std::function<bool(const ipc::TlsResults& results)>;        // false: not now
    TlsTally(Loop& loop, Tell tell) : tell_(std::move(tell)), timer_(loop, [this] { flush(); }) {}

    void add(ipc::TlsResult result);
    void flush();

  private:
    Tell tell_;
    std::unordered_map<std::string, ipc::TlsResult> results_;                // by their own encoding
    Timer timer_;
};

} // namespace postern::smtp_out
