#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/verbs.h"

namespace postern::mailctl {
namespace {

std::string grants_of(const Context& c) { return target("send-as", c.arguments.one("ACCOUNT")); }

} // namespace

int send_as_list(const Context& c) {
    return c.show(c.client().get(grants_of(c))["items"], [](const json::Value& items) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& row : *items.array()) rows.push_back({shown(row["address"])});
        return table({"MAY SEND AS"}, rows);
    });
}

int send_as_grant(const Context& c) {
    c.client().send("POST", grants_of(c), json::Value().set("address", c.arguments.one("ADDRESS")));
    c.done(c.arguments.one("ACCOUNT") + " may send as " + c.arguments.one("ADDRESS"));
    return exit_ok;
}

int send_as_revoke(const Context& c) {
    c.client().send("DELETE", grants_of(c) + "/" + encoded(c.arguments.one("ADDRESS")));
    c.done(c.arguments.one("ACCOUNT") + " may no longer send as " + c.arguments.one("ADDRESS"));
    return exit_ok;
}

} // namespace postern::mailctl
