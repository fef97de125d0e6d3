// What operators order to last: which mail is held as it comes, which destinations get nothing.
#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/verbs.h"

namespace postern::mailctl {

int hold_rule_list(const Context& c) {
    return c.show(c.client().get_all("/api/v1/hold-rules?limit=500"), [](const json::Value& items) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& r : *items.array())
            rows.push_back({shown(r["id"]), shown(r["sender"]), shown(r["recipient"]), shown(r["domain"]),
                            local_time(r["since"].integer().value_or(0)), shown(r["by"]), shown(r["reason"])});
        return rows.empty() ? std::string("nothing is held as it comes\n")
                            : table({"ID", "SENDER", "RECIPIENT", "DOMAIN", "SINCE", "BY", "REASON"}, rows);
    });
}

int hold_rule_add(const Context& c) {
    json::Value body = json::Object{};
    for (const char* name : {"sender", "recipient", "domain", "reason"})
        if (const std::string option = std::string("--") + name; c.arguments.has(option)) body.set(name, c.arguments.one(option));
    const json::Value made = c.client().send("POST", "/api/v1/hold-rules", body);
    c.done("rule " + shown(made["id"]) + ": such mail is held from now on");
    return exit_ok;
}

int hold_rule_delete(const Context& c) {
    const std::string& id = c.arguments.one("ID");
    c.client().send("DELETE", target("hold-rules", id));
    c.done("no rule " + id + " any more; what it held waits for mailctl queue release");
    return exit_ok;
}

int destination_list(const Context& c) {
    return c.show(c.client().get_all("/api/v1/destinations?limit=500"), [](const json::Value& items) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& d : *items.array())
            rows.push_back({shown(d["name"]), shown(d["state"]), shown(d["waiting"]), shown(d["active"]) + "/" + shown(d["window"]),
                            local_time(d["paused_until"].integer().value_or(0)), shown(d["reason"])});
        return rows.empty() ? std::string("no mail goes out\n")
                            : table({"DESTINATION", "STATE", "WAITING", "ACTIVE", "PAUSED UNTIL", "LAST FAILURE"}, rows);
    });
}

namespace {

int set_destination(const Context& c, std::string_view action, std::string_view done) {
    const std::string& name = c.arguments.one("DESTINATION");
    c.client().send("PATCH", target("destinations", name), json::Value().set("action", action));
    c.done(name + " is " + std::string(done));
    return exit_ok;
}

} // namespace

int destination_freeze(const Context& c) { return set_destination(c, "freeze", "frozen"); }
int destination_thaw(const Context& c) { return set_destination(c, "thaw", "thawed"); }
int destination_probe(const Context& c) { return set_destination(c, "probe", "tried now"); }

} // namespace postern::mailctl
