#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/verbs.h"

#include <fmt/core.h>

namespace postern::mailctl {
namespace {

json::Value settings(const Arguments& a) {
    json::Value body = json::Object{};
    copy_text(a, "--status", body, "status");
    copy_text(a, "--catch-all", body, "catch_all");
    copy_text(a, "--separator", body, "separator");
    copy_quota(a, "--quota", body, "default_quota_bytes", true, false);
    copy_quota(a, "--quota-messages", body, "default_quota_messages", false, false);
    copy_quota(a, "--max-accounts", body, "max_accounts", false, false);
    copy_size(a, "--max-message", body, "max_message_bytes");
    copy_switch(a, "--backup-mx", body, "backup_mx");
    return body;
}

std::string backup(const json::Value& domain) {
    const bool* is_one = domain["backup_mx"].flag();
    if (!is_one || !*is_one) return "no";
    const auto listed = domain["backup_recipients"].number().value_or(0);
    if (listed != 0) return fmt::format("for {} listed recipients", listed);
    return "for ANY recipient: who does not exist is refused by the other host, too late (mailctl backup-mx import)";
}

} // namespace

int domain_list(const Context& c) {
    return c.show(c.client().get_all("/api/v1/domains"), [](const json::Value& items) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& d : *items.array())
            rows.push_back({shown(d["name"]), shown(d["status"]), shown(d["addresses"]), shown(d["aliases"]),
                            limit(d["default_quota_bytes"], true), shown(d["organization"])});
        return table({"DOMAIN", "STATUS", "ADDRESSES", "ALIASES", "QUOTA", "ORGANIZATION"}, rows);
    });
}

int domain_add(const Context& c) {
    json::Value body = settings(c.arguments);
    body.set("name", c.arguments.one("NAME"));
    copy_text(c.arguments, "--organization", body, "organization");
    c.client().send("POST", "/api/v1/domains", body);
    c.done("added " + c.arguments.one("NAME"));
    return exit_ok;
}

int domain_show(const Context& c) {
    return c.show(c.client().get(target("domains", c.arguments.one("NAME"))), [](const json::Value& d) {
        return sheet({{"domain", shown(d["name"])},
                      {"organization", shown(d["organization"])},
                      {"status", shown(d["status"])},
                      {"catch-all", d["catch_all"].text()->empty() ? "none" : shown(d["catch_all"])},
                      {"separator", d["separator"].text()->empty() ? "none" : shown(d["separator"])},
                      {"quota", limit(d["default_quota_bytes"], true)},
                      {"quota, messages", limit(d["default_quota_messages"], false)},
                      {"message at most", size_limit(d["max_message_bytes"])},
                      {"backup MX", backup(d)},
                      {"accounts at most", limit(d["max_accounts"], false)},
                      {"addresses", shown(d["addresses"])},
                      {"aliases", shown(d["aliases"])},
                      {"created", local_time(d["created"].integer().value_or(0))}});
    });
}

int domain_set(const Context& c) {
    const json::Value body = settings(c.arguments);
    if (body.object()->empty()) throw Failure{exit_usage, "nothing to change: see mailctl domain set --help"};
    c.client().send("PATCH", target("domains", c.arguments.one("NAME")), body);
    c.done("changed " + c.arguments.one("NAME"));
    return exit_ok;
}

int domain_delete(const Context& c) {
    c.client().send("DELETE", target("domains", c.arguments.one("NAME")));
    c.done("deleted " + c.arguments.one("NAME"));
    return exit_ok;
}

} // namespace postern::mailctl
