#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/verbs.h"

namespace postern::mailctl {
namespace {

json::Value body_of(const Arguments& a) {
    json::Value targets = json::Array{};
    for (const auto& each : a.all("TARGET")) targets.push(each);
    return json::Value()
        .set("address", a.one("ADDRESS"))
        .set("targets", std::move(targets))
        .set("active", !a.has("--inactive"));
}

std::string state(const json::Value& alias) { return *alias["active"].flag() ? "active" : "inactive"; }

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
        return sheet({{"alias", shown(a["address"])}, {"status", state(a)}, {"targets", shown(a["targets"])}});
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
