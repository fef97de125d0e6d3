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
    const json::Value filter = filter_of(c.arguments);
    if (ids.empty() && filter.object()->empty() && !c.arguments.has("--all"))
        throw Failure{exit_usage, "name messages, say which with an option, or --all"};
    if (!ids.empty()) body.set("ids", array_of(ids));
    for (const auto& [name, value] : *filter.object()) body.set(name, value);
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
    if (messages == 0 && !c.arguments.has("--all")) throw Failure{exit_not_found, "no such message waits"};
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
int queue_requeue(const Context& c) { return act(c, "requeue", json::Object{}, "looked up again"); }
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

int queue_list(const Context& c) {
    std::string query = "/api/v1/queue?limit=500";
    const json::Value filter = filter_of(c.arguments);
    for (const auto& [name, value] : *filter.object())
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

// The header as it will be sent; the content comes in pieces, and the first has it but for a monstrous one.
std::string header_of(const Context& c, const std::string& message) {
    const std::string piece = c.client().get_text(message + "/content?from=0");
    return piece.substr(0, piece.find("\r\n\r\n") + 2);
}

// What was tried, from the history: each event of an agent about one of its recipients.
json::Value attempts_of(const Context& c, const std::string& id) {
    json::Value attempts = json::Array{};
    const json::Value history = c.client().get("/api/v1/history?key=" + id);
    for (const auto& event : *history["items"].array()) {
        const std::string name = shown(event["event"]);
        if (!name.starts_with("outbound.") && !name.starts_with("delivery.")) continue;
        json::Value attempt = json::Value().set("time", event["time_us"].integer().value_or(0) / 1'000'000).set("event", name);
        for (const auto& field : *event["fields"].array()) attempt.set(shown((*field.array())[0]), (*field.array())[1]);
        attempts.push(std::move(attempt));
    }
    return attempts;
}

std::string header_text(const std::string& header) {
    std::string out;
    for (std::size_t at = 0; at < header.size();) {
        const std::size_t end = std::min(header.find("\r\n", at), header.size());
        out += shown(json::Value(header.substr(at, end - at))) + "\n";
        at = end + 2;
    }
    return out;
}

std::string attempts_table(const json::Value& attempts) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& a : *attempts.array())
        rows.push_back({local_time(a["time"].integer().value_or(0)), shown(a["event"]), shown(a["rcpt"]), shown(a["host"]),
                        shown(a["code"]) + (shown(a["code"]).empty() ? "" : " ") + shown(a["reply"]) + shown(a["error"])});
    return rows.empty() ? std::string() : "\n" + table({"TIME", "ATTEMPT", "RECIPIENT", "HOST", "ANSWER"}, rows);
}

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
    const std::string& id = c.arguments.one("ID");
    json::Value message = c.client().get(target("queue", id));
    message.set("attempts", attempts_of(c, id)).set("header", header_of(c, target("queue", id)));
    return c.show(message, [](const json::Value& m) {
        std::vector<std::pair<std::string, std::string>> lines{{"message", shown(m["id"])},
                                                               {"trace", shown(m["trace"])},
                                                               {"sender", "<" + shown(m["sender"]) + ">"},
                                                               {"client", shown(m["client"])},
                                                               {"size", amount(m["size"].number().value_or(0))},
                                                               {"arrived", local_time(m["arrived"].integer().value_or(0))}};
        if (const auto account = m["account"].number().value_or(0); account != 0) lines.emplace_back("account", std::to_string(account));
        if (const auto uid = m["local_uid"].number()) lines.emplace_back("program of", "uid " + std::to_string(*uid));
        for (auto& line : extensions(m)) lines.push_back(std::move(line));
        std::vector<std::vector<std::string>> rows;
        for (const auto& r : *m["recipients"].array())
            rows.push_back({shown(r["recipient"]), shown(r["state"]), shown(r["attempts"]),
                            local_time(r["next_attempt"].integer().value_or(0)), shown(r["last_error"])});
        return sheet(lines) + "\n" + table({"RECIPIENT", "STATE", "ATTEMPTS", "NEXT", "LAST ERROR"}, rows) + attempts_table(m["attempts"]) +
               "\n" + header_text(*m["header"].text());
    });
}

} // namespace postern::mailctl
