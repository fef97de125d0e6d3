// How TLS with other domains' hosts went, and what their domains are told of it.
#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/verbs.h"

#include <fmt/core.h>

namespace postern::mailctl {
namespace {

std::string with_day(const Context& c, std::string path, char joined_by) {
    const std::string& day = c.arguments.one("--day");
    return day.empty() ? path : path + joined_by + "day=" + encoded(day);
}

std::string rows_text(const json::Value& items) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& r : *items.array())
        rows.push_back({shown(r["domain"]), shown(r["policy"]), shown(r["successes"]), shown(r["failures"]), shown(r["state"]),
                        local_time(r["began"].integer().value_or(0)), local_time(r["ended"].integer().value_or(0))});
    return rows.empty() ? std::string("no results of that day\n")
                        : table({"DOMAIN", "POLICY", "GOOD", "FAILED", "REPORT", "FROM", "UNTIL"}, rows);
}

std::string domain_text(const json::Value& answer) {
    std::string text = rows_text(answer["items"]);
    std::vector<std::vector<std::string>> rows;
    for (const auto& f : *answer["failures"].array())
        rows.push_back({shown(f["count"]), shown(f["result"]), shown(f["mx_host"]), shown(f["receiving_ip"]), shown(f["reason"])});
    if (!rows.empty()) text += "\n" + table({"COUNT", "FAILURE", "HOST", "ADDRESS", "REASON"}, rows);
    return text;
}

std::string report_text(const json::Value& answer) {
    std::string text = "report " + shown(answer["state"]) + "\n";
    if (const std::string reason = shown(answer["reason"]); !reason.empty()) text += reason + "\n";
    for (const auto& t : *answer["targets"].array()) {
        text += fmt::format("{} to {}, attempts: {}", shown(t["state"]), shown(t["uri"]), shown(t["attempts"]));
        const std::string reason = shown(t["reason"]);
        text += reason.empty() ? "\n" : ": " + reason + "\n";
    }
    return text + answer["report"].dump(true) + "\n";
}

} // namespace

int tls_results(const Context& c) {
    const std::string& domain = c.arguments.one("DOMAIN");
    if (domain.empty()) return c.show(c.client().get_all(with_day(c, "/api/v1/tls/results?limit=500", '&')), rows_text);
    return c.show(c.client().get(with_day(c, target("tls/results", domain), '?')), domain_text);
}

int tls_report(const Context& c) {
    const std::string path = with_day(c, target("tls/reports", c.arguments.one("DOMAIN")), '?');
    return c.show(c.arguments.has("--send") ? c.client().send("POST", path) : c.client().get(path), report_text);
}

} // namespace postern::mailctl
