#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/verbs.h"

#include <ctime>

namespace postern::mailctl {
namespace {

json::Value body_of(const Arguments& a) {
    json::Value body;
    body.set("address", a.one("ADDRESS")).set("targets", array_of(a.all("TARGET"))).set("active", !a.has("--inactive"));
    copy_time(a, "--from", body, "valid_from", false);
    copy_time(a, "--until", body, "valid_until", true);
    return body;
}

std::string state(const json::Value& alias) {
    if (!*alias["active"].flag()) return "inactive";
    const auto from = alias["valid_from"].integer().value_or(0), until = alias["valid_until"].integer().value_or(0);
    const auto now = static_cast<std::int64_t>(std::time(nullptr));
    return now < from ? "not yet" : until != 0 && now >= until ? "over" : "active";
}

std::string bound(const json::Value& time) { return time.integer().value_or(0) == 0 ? "none" : local_time(*time.integer()); }

} // namespace

int alias_list(const Context& c) {
    std::string listing = "/api/v1/aliases?limit=100";
    if (c.arguments.has("--domain")) listing += "&domain=" + encoded(c.arguments.one("--domain"));
    return c.show(c.client().get_all(listing), [](const json::Value& items) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& a : *items.array()) rows.push_back({shown(a["address"]), state(a), shown(a["targets"])});
        return table({"ALIAS", "STATUS", "TARGETS"}, rows);
    });
}

int alias_add(const Context& c) {
    c.client().send("POST", "/api/v1/aliases", body_of(c.arguments));
    c.done("added " + c.arguments.one("ADDRESS"));
    return exit_ok;
}

int alias_show(const Context& c) {
    return c.show(c.client().get(target("aliases", c.arguments.one("ADDRESS"))), [](const json::Value& a) {
        return sheet({{"alias", shown(a["address"])},
                      {"status", state(a)},
                      {"from", bound(a["valid_from"])},
                      {"until", bound(a["valid_until"])},
                      {"targets", shown(a["targets"])}});
    });
}

int alias_set(const Context& c) {
    c.client().send("PUT", target("aliases", c.arguments.one("ADDRESS")), body_of(c.arguments));
    c.done("changed " + c.arguments.one("ADDRESS"));
    return exit_ok;
}

int alias_delete(const Context& c) {
    c.client().send("DELETE", target("aliases", c.arguments.one("ADDRESS")));
    c.done("deleted " + c.arguments.one("ADDRESS"));
    return exit_ok;
}

} // namespace postern::mailctl
