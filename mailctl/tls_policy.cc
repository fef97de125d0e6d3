// What a domain demands of TLS to its hosts by MTA-STS, asked as smtp-out asks.
#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/verbs.h"

namespace postern::mailctl {
namespace {

bool is_known(const json::Value& policy) { return policy["known"].flag() && *policy["known"].flag(); }
bool is_there(const json::Value& policy) { return !shown(policy["id"]).empty(); }

std::string time_of(const json::Value& seconds) { return seconds.integer() ? local_time(*seconds.integer()) : ""; }

std::string policy_text(const json::Value& policy) {
    const std::string reason = shown(policy["reason"]);
    if (!is_known(policy)) return shown(policy["domain"]) + ": not known; its mail waits\n";
    if (!is_there(policy)) return shown(policy["domain"]) + ": no policy: " + reason + "\n";
    std::vector<std::pair<std::string, std::string>> lines{{"domain", shown(policy["domain"])}, {"mode", shown(policy["mode"])}, {"id", shown(policy["id"])}};
    for (const json::Value& pattern : *policy["mx"].array()) lines.emplace_back("mx", shown(pattern));
    lines.emplace_back("fetched", time_of(policy["fetched"]));
    lines.emplace_back("expires", time_of(policy["expires"]));
    if (!reason.empty()) lines.emplace_back("not renewed", reason);
    return sheet(lines);
}

} // namespace

int tls_policy(const Context& c) {
    const std::string path = target("tls/policies", c.arguments.one("DOMAIN"));
    const json::Value policy = c.arguments.has("--renew") ? c.client().send("POST", path) : c.client().get(path);
    c.show(policy, policy_text);
    if (!is_known(policy)) return exit_unavailable;
    return is_there(policy) ? exit_ok : exit_not_found;
}

} // namespace postern::mailctl
