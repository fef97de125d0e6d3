// A question to resolvd as everybody has it who asks the DNS.
#pragma once

#include "ipc/daemon.h"
#include "ipc/dns.h"

#include <functional>
#include <string_view>

namespace postern::ipc {

// Answered later, exactly once; where resolvd does not, as DnsStatus::failed with the reason. A name that is too long for a question
// is too long for the DNS, and is answered so.
void ask_dns(Daemon& daemon, std::string_view name, DnsType type, std::function<void(const DnsAnswer&)> done);

} // namespace postern::ipc
