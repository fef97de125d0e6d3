// What smtp-out shows of itself in numbers.
#pragma once

#include "delivery/smtp/tls_policy.h"
#include "ipc/agent.h"
#include "libcommon/counters.h"
#include "libtls/client.h"

namespace postern::smtp_out::counters {

extern Counter reused, resumed, uncertain, unrecorded, untold, suppressed, unasked;
extern Gauge running;

void delivered(ipc::DeliveryStatus status);
void connected(bool ready, tls::Authentication authentication);
void dane(std::string_view records);                 // "usable", "unusable": what was found for a host
void sts(const TlsPlan& plan);                       // of a host that a policy speaks of
void sts_refused();                                  // a host that is not in the policy

} // namespace postern::smtp_out::counters
