#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/verbs.h"

namespace postern::mailctl {

int suppression_list(const Context& c) {
    return c.show(c.client().get_all("/api/v1/suppressions?limit=500"), [](const json::Value& items) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& s : *items.array()) {
            const std::int64_t until = s["until"].integer().value_or(0);
            rows.push_back({shown(s["address"]), until == 0 ? "watched" : local_time(until), shown(s["refusals"]),
                            local_time(s["last"].integer().value_or(0)), shown(s["by"]), shown(s["code"]), shown(s["host"]), shown(s["reply"])});
        }
        return rows.empty() ? std::string("no address elsewhere refused mail lately\n")
                            : table({"ADDRESS", "SUPPRESSED UNTIL", "REFUSALS", "LAST", "BY", "CODE", "HOST", "REPLY"}, rows);
    });
}

int suppression_add(const Context& c) {
    const std::string& address = c.arguments.one("ADDRESS");
    json::Value body = json::Value().set("address", address);
    if (const auto duration = seconds_in(c.arguments, "--for")) body.set("duration", *duration);
    if (c.arguments.has("--reason")) body.set("reason", c.arguments.one("--reason"));
    c.client().send("POST", "/api/v1/suppressions", body);
    c.done("no mail is sent to " + address);
    return exit_ok;
}

int suppression_delete(const Context& c) {
    const std::string& address = c.arguments.one("ADDRESS");
    c.client().send("DELETE", target("suppressions", address));
    c.done("nothing is known against " + address + " any more");
    return exit_ok;
}

} // namespace postern::mailctl
