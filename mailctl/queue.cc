#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/verbs.h"

#include <ctime>
#include <fmt/core.h>
#include <unistd.h>

namespace postern::mailctl {

namespace {

struct Condition {
    std::string_view option, member;
    bool is_age;
};
constexpr Condition conditions[] = {
    {"--sender", "sender", false}, {"--recipient", "recipient", false}, {"--domain", "domain", false}, {"--state", "state", false},
    {"--error", "error", false}, {"--older", "arrived_before", true}, {"--younger", "arrived_after", true},
};

// The options of the filter as members of an object.
json::Value filter_of(const Arguments& arguments) {
    json::Value filter = json::Object{};
    for (const Condition& row : conditions) {
        if (!arguments.has(row.option)) continue;
        if (row.is_age) filter.set(std::string(row.member), static_cast<std::int64_t>(std::time(nullptr)) - static_cast<std::int64_t>(*seconds_in(arguments, row.option)));
        else filter.set(std::string(row.member), arguments.one(row.option));
    }
    return filter;
}

// Does an action, a step of some messages at a time.
int act(const Context& c, std::string_view action, json::Value body, std::string_view done) {
    const auto& ids = c.arguments.all("ID");
    if (!ids.empty()) body.set("ids", array_of(ids));
    if (body.object()->empty() && !c.arguments.has("--all"))
        throw Failure{exit_usage, "name messages, say which with an option, or --all"};
    for (const auto& [name, value] : *filter_of(c.arguments).object()) body.set(name, value);
    body.set("action", action);
    std::uint64_t messages = 0, recipients = 0;
    for (;;) {
        const json::Value acted = c.client().send("POST", "/api/v1/queue-actions", body);
        messages += acted["messages"].number().value_or(0);
        recipients += acted["recipients"].number().value_or(0);
        if (acted["next"].is_null()) break;
        body.set("after", acted["next"]);
        if (!c.json && ::isatty(STDERR_FILENO)) fmt::print(stderr, "\r{} messages {}", messages, done);
    }
    if (!c.json && ::isatty(STDERR_FILENO)) fmt::print(stderr, "\r");
    if (messages == 0) throw Failure{exit_not_found, "no such message waits"};
    return c.show(json::Value().set("messages", messages).set("recipients", recipients), [&](const json::Value&) {
        return fmt::format("{} {}, {} {} {}\n", messages, messages == 1 ? "message" : "messages", recipients,
                           recipients == 1 ? "recipient" : "recipients", done);
    });
}

} // namespace

int queue_flush(const Context& c) { return act(c, "flush", json::Object{}, "tried again"); }
int queue_hold(const Context& c) { return act(c, "hold", json::Object{}, "held"); }
int queue_release(const Context& c) { return act(c, "release", json::Object{}, "released"); }
int queue_delete(const Context& c) { return act(c, "delete", json::Object{}, "deleted"); }
int queue_bounce(const Context& c) { return act(c, "bounce", json::Object{}, "returned to their senders"); }

int queue_reroute(const Context& c) {
    if (!c.arguments.has("--to")) throw Failure{exit_usage, "say where with --to; --to \"\" is as the routes say"};
    return act(c, "reroute", json::Value().set("next_hop", c.arguments.one("--to")), "rerouted");
}

int queue_edit(const Context& c) {
    const std::string& recipient = c.arguments.one("RECIPIENT");
    c.client().send("PATCH", target("queue", c.arguments.one("ID")) + "/recipients/" + encoded(recipient),
                    json::Value().set("address", c.arguments.one("ADDRESS")));
    c.done(recipient + " goes to " + c.arguments.one("ADDRESS"));
    return exit_ok;
}

int queue_cat(const Context& c) {
    const std::string path = target("queue", c.arguments.one("ID")) + "/content?from=";
    for (std::uint64_t from = 0;;) {
        const std::string piece = c.client().get_text(path + std::to_string(from));
        if (piece.empty()) return exit_ok;
        Context::print(piece);
        from += piece.size();
    }
}

int queue_stats(const Context& c) {
    return c.show(c.client().get("/api/v1/queue-statistics"), [](const json::Value& statistics) {
        std::vector<std::vector<std::string>> rows;
        for (const char* list : {"states", "errors"})
            for (const auto& row : *statistics[list].array()) rows.push_back({shown(row["recipients"]), shown(row["what"])});
        return rows.empty() ? std::string("the queue is empty\n") : table({"RECIPIENTS", "STATE OR LAST ERROR"}, rows);
    });
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

int queue_list(const Context& c) {
    std::string query = "/api/v1/queue?limit=500";
    for (const auto& [name, value] : *filter_of(c.arguments).object())
        query += "&" + name + "=" + encoded(value.text() ? *value.text() : value.dump());
    return c.show(c.client().get_all(query), [](const json::Value& items) {
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
