#include "mailctl/timeline.h"

#include "mailctl/output.h"

#include <set>

#include <fmt/core.h>

namespace postern::mailctl {
namespace {

std::string time_of(const json::Value& event) {
    const std::int64_t us = event["time_us"].integer().value_or(0);
    return fmt::format("{}.{:03}", local_time(us / 1'000'000), us / 1000 % 1000);
}

std::string field_text(const std::string& name, const std::string& value) {
    const bool plain = !value.empty() && value.find_first_of(" \"=") == value.npos;
    return name + "=" + (plain ? value : "\"" + value + "\"");
}

// (name, value) pairs, in the order the event has them.
template <class F> void each_field(const json::Value& event, F each) {
    if (const json::Array* fields = event["fields"].array())
        for (const json::Value& field : *fields)
            if (const json::Array* pair = field.array(); pair && pair->size() == 2) each(shown((*pair)[0]), shown((*pair)[1]));
}

} // namespace

std::string timeline_text(const json::Value& answer) {
    const json::Array& events = *answer["items"].array();
    std::set<std::string> sessions;
    for (const json::Value& event : events)
        each_field(event, [&](const std::string& name, const std::string& value) {
            if (name == "session") sessions.insert(value);
        });
    const bool one_session = sessions.size() == 1;
    std::string out;
    if (answer["truncated"].flag() && *answer["truncated"].flag())
        out += fmt::format("the youngest {} events; --since narrows it down\n", events.size());
    if (one_session) out += "trace " + *sessions.begin() + "\n";
    std::vector<std::vector<std::string>> rows;
    for (const json::Value& event : events) {
        const std::string level = shown(event["level"]);
        std::string fields = level == "warning" || level == "error" ? level + ": " : "";
        each_field(event, [&](const std::string& name, const std::string& value) {
            if (value.empty() || (one_session && name == "session")) return;
            fields += field_text(name, value) + " ";
        });
        rows.push_back({time_of(event), shown(event["source"]), shown(event["event"]), std::move(fields)});
    }
    return out + table({"TIME", "FROM", "EVENT", "WHAT"}, rows);
}

std::string nothing_known(const std::string& key, std::int64_t since, const json::Value& answer) {
    const std::int64_t history = answer["history_from"].integer().value_or(0);
    const std::int64_t files = answer["log_files_from"].integer().value_or(0);
    std::string out = "nothing is known of " + key;
    if (history == 0) out += ": the history is empty yet";
    else if (since > history) out += " since " + local_time(since) + "; without --since the history goes back to " + local_time(history);
    else out += " in the history, which goes back to " + local_time(history) + " (logging.history_age, logging.history_size)";
    if (files != 0) out += "; the log files in logging.dir go back to " + local_time(files);
    return out;
}

} // namespace postern::mailctl
