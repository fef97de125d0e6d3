#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/verbs.h"

#include <fmt/core.h>

namespace postern::mailctl {

int queue_list(const Context& c) {
    return c.show(c.client().get_all("/api/v1/queue?limit=500"), [](const json::Value& items) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& m : *items.array()) {
            const auto others = m["recipients_waiting"].number().value_or(1) - 1;
            rows.push_back({shown(m["id"]), local_time(m["arrived"].integer().value_or(0)),
                            amount(m["size"].number().value_or(0)), shown(m["state"]), "<" + shown(m["sender"]) + ">",
                            shown(m["first_recipient"]) + (others > 0 ? fmt::format(" and {} more", others) : ""),
                            shown(m["last_error"])});
        }
        return rows.empty() ? std::string("the queue is empty\n")
                            : table({"ID", "ARRIVED", "SIZE", "STATE", "SENDER", "RECIPIENT", "LAST ERROR"}, rows);
    });
}

int queue_show(const Context& c) {
    return c.show(c.client().get(target("queue", c.arguments.one("ID"))), [](const json::Value& m) {
        std::string out = sheet({{"message", shown(m["id"])},
                                 {"trace", shown(m["trace"])},
                                 {"sender", "<" + shown(m["sender"]) + ">"},
                                 {"client", shown(m["client"])},
                                 {"size", amount(m["size"].number().value_or(0))},
                                 {"arrived", local_time(m["arrived"].integer().value_or(0))}});
        std::vector<std::vector<std::string>> rows;
        for (const auto& r : *m["recipients"].array())
            rows.push_back({shown(r["recipient"]), shown(r["state"]), shown(r["attempts"]),
                            local_time(r["next_attempt"].integer().value_or(0)), shown(r["last_error"])});
        return out + "\n" + table({"RECIPIENT", "STATE", "ATTEMPTS", "NEXT", "LAST ERROR"}, rows);
    });
}

} // namespace postern::mailctl
