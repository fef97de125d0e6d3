#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/verbs.h"

namespace postern::mailctl {
namespace {

json::Value settings(const Arguments& a) {
    json::Value body = json::Object{};
    copy_text(a, "--posting", body, "posting");
    copy_list(a, "--posters", body, "posters");
    copy_switch(a, "--active", body, "active");
    return body;
}

std::string state(const json::Value& group) { return *group["active"].flag() ? "active" : "inactive"; }

std::string posting(const json::Value& group) {
    const std::string rule = shown(group["posting"]);
    return rule == "listed" ? rule + ": " + shown(group["posters"]) : rule;
}

int change_members(const Context& c, std::string_view how, std::string_view done) {
    c.client().send("POST", target("groups", c.arguments.one("GROUP")) + "/members",
                    json::Value().set(std::string(how), array_of(c.arguments.all("MEMBER"))));
    c.done(std::string(done) + c.arguments.one("GROUP"));
    return exit_ok;
}

} // namespace

int group_list(const Context& c) {
    std::string listing = "/api/v1/groups?limit=25";
    if (c.arguments.has("--domain")) listing += "&domain=" + encoded(c.arguments.one("--domain"));
    return c.show(c.client().get_all(listing), [](const json::Value& items) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& g : *items.array()) rows.push_back({shown(g["address"]), state(g), shown(g["member_count"]), posting(g)});
        return table({"GROUP", "STATUS", "MEMBERS", "POSTING"}, rows);
    });
}

int group_add(const Context& c) {
    json::Value body = settings(c.arguments);
    body.set("address", c.arguments.one("ADDRESS"));
    body.set("members", array_of(c.arguments.all("MEMBER")));
    c.client().send("POST", "/api/v1/groups", body);
    c.done("added " + c.arguments.one("ADDRESS"));
    return exit_ok;
}

int group_show(const Context& c) {
    return c.show(c.client().get(target("groups", c.arguments.one("ADDRESS"))), [](const json::Value& g) {
        return sheet({{"group", shown(g["address"])}, {"status", state(g)}, {"posting", posting(g)}, {"members", shown(g["members"])}});
    });
}

int group_set(const Context& c) {
    const json::Value body = settings(c.arguments);
    if (body.object()->empty()) throw Failure{exit_usage, "nothing to change: see mailctl group set --help"};
    c.client().send("PATCH", target("groups", c.arguments.one("ADDRESS")), body);
    c.done("changed " + c.arguments.one("ADDRESS"));
    return exit_ok;
}

int group_add_member(const Context& c) { return change_members(c, "add", "added to "); }
int group_remove_member(const Context& c) { return change_members(c, "remove", "removed from "); }

int group_delete(const Context& c) {
    c.client().send("DELETE", target("groups", c.arguments.one("ADDRESS")));
    c.done("deleted " + c.arguments.one("ADDRESS"));
    return exit_ok;
}

} // namespace postern::mailctl
