// The SASL mechanisms there are (RFC 4422), once: what EHLO and CAPABILITY offer, what AUTH and AUTHENTICATE take and what
// authd runs come from this table.
#pragma once

#include "ipc/auth.h"

#include <span>
#include <string>
#include <string_view>

namespace postern::sasl {

struct Mechanism {
    std::string_view name;
    ipc::SaslMechanism id;
    bool client_first;       // may bring an initial response, RFC 4422 section 5
    bool binds_channel;      // needs a channel binding, RFC 5056
    bool opt_in;             // only where the host and the account allow it
};

// Strongest first: a client that takes the first it knows takes the best.
std::span<const Mechanism> mechanisms();
std::string_view name_of(ipc::SaslMechanism id);

// What holds for one connection.
struct Conditions {
    bool tls = false;        // nothing is offered without
    bool binding = false;    // the TLS layer gave a channel binding
    bool cram_md5 = false;   // auth.cram_md5
};
bool is_offered(const Mechanism& mechanism, const Conditions& conditions);

// By its name, in any case; null when there is none or it is not offered here.
const Mechanism* find(std::string_view name, const Conditions& conditions);

// " PLAIN LOGIN", or with a prefix " AUTH=PLAIN AUTH=LOGIN"; empty when nothing is offered.
std::string offer(const Conditions& conditions, std::string_view prefix = {});

} // namespace postern::sasl
