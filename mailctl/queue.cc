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

namespace {

// What its sender asked for, where that is anything.
std::vector<std::pair<std::string, std::string>> extensions(const json::Value& m) {
    std::vector<std::pair<std::string, std::string>> lines;
    if (shown(m["body"]) != "7bit") lines.emplace_back("body", shown(m["body"]));
    for (const char* flag : {"smtputf8", "require_tls"})
        if (const bool* set = m[flag].flag(); set && *set) lines.emplace_back(flag, "yes");
    for (const char* text : {"envelope_id", "return"})
        if (const std::string said = shown(m[text]); !said.empty()) lines.emplace_back(text, said);
    if (const auto until = m["hold_until"].integer().value_or(0); until != 0)
        lines.emplace_back("hold_until", local_time(until));
    return lines;
}

} // namespace

int queue_show(const Context& c) {
    return c.show(c.client().get(target("queue", c.arguments.one("ID"))), [](const json::Value& m) {
        std::vector<std::pair<std::string, std::string>> lines{{"message", shown(m["id"])},
                                                               {"trace", shown(m["trace"])},
                                                               {"sender", "<" + shown(m["sender"]) + ">"},
                                                               {"client", shown(m["client"])},
                                                               {"size", amount(m["size"].number().value_or(0))},
                                                               {"arrived", local_time(m["arrived"].integer().value_or(0))}};
        for (auto& line : extensions(m)) lines.push_back(std::move(line));
        std::vector<std::vector<std::string>> rows;
        for (const auto& r : *m["recipients"].array())
            rows.push_back({shown(r["recipient"]), shown(r["state"]), shown(r["attempts"]),
                            local_time(r["next_attempt"].integer().value_or(0)), shown(r["last_error"])});
        return sheet(lines) + "\n" + table({"RECIPIENT", "STATE", "ATTEMPTS", "NEXT", "LAST ERROR"}, rows);
    });
}

} // namespace postern::mailctl
