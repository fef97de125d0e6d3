// What a domain demands of TLS to its hosts by MTA-STS, as smtp-out gets it, and having it fetched again.
#include "apid/local/handlers.h"
#include "ipc/tls_policy.h"
#include "libcommon/text.h"

namespace postern::api {
namespace {

json::Value to_json(const ipc::TlsPolicyQuery& query, const ipc::TlsPolicy& policy) {
    json::Value mx = json::Array{};
    for (const auto& pattern : policy.mx) mx.push(json::Value(printable(pattern.view())));
    return json::Value()
        .set("domain", printable(query.domain.view(), decltype(query.domain)::limit))
        .set("known", policy.known)
        .set("mode", to_string(policy.mode))
        .set("id", printable(policy.id.view()))
        .set("mx", std::move(mx))
        .set("fetched", policy.fetched)
        .set("expires", policy.expires)
        .set("reason", printable(policy.reason.view(), decltype(policy.reason)::limit));
}

void ask(const Call& call, bool renew) {
    ipc::TlsPolicyQuery query;
    if (!call.take_parameter(0, query.domain)) return;
    query.renew = renew;
    call.ask<ipc::TlsPolicyQuery>(ipc::ServiceId::tlspolicyd, query, [call, query](const ipc::TlsPolicy& policy) {
        call.answer(200, to_json(query, policy));
    });
}

} // namespace

void show_tls_policy(const Call& call) { ask(call, false); }
void renew_tls_policy(const Call& call) { ask(call, true); }

} // namespace postern::api
