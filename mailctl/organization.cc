#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/verbs.h"

namespace postern::mailctl {

int organization_list(const Context& c) {
    return c.show(c.client().get_all("/api/v1/organizations"), [](const json::Value& items) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& o : *items.array())
            rows.push_back({shown(o["name"]), shown(o["domains"]), shown(o["accounts"])});
        return table({"ORGANIZATION", "DOMAINS", "ACCOUNTS"}, rows);
    });
}

int organization_add(const Context& c) {
    c.client().send("POST", "/api/v1/organizations", json::Value().set("name", c.arguments.one("NAME")));
    c.done("added " + c.arguments.one("NAME"));
    return exit_ok;
}

int organization_rename(const Context& c) {
    c.client().send("PATCH", target("organizations", c.arguments.one("NAME")),
                    json::Value().set("name", c.arguments.one("NEW-NAME")));
    c.done("renamed to " + c.arguments.one("NEW-NAME"));
    return exit_ok;
}

int organization_delete(const Context& c) {
    c.client().send("DELETE", target("organizations", c.arguments.one("NAME")));
    c.done("deleted " + c.arguments.one("NAME"));
    return exit_ok;
}

} // namespace postern::mailctl
