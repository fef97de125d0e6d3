// mailctl explain: one timeline of everything that happened to a message or an address.
#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/timeline.h"
#include "mailctl/verbs.h"

#include <ctime>

#include <fmt/core.h>

namespace postern::mailctl {
namespace {

// "2h", "7d": so long ago, in seconds since the epoch.
std::int64_t since(const Context& c) {
    const auto ago = seconds_in(c.arguments, "--since");
    return ago ? std::max<std::int64_t>(0, std::time(nullptr) - static_cast<std::int64_t>(*ago)) : 0;
}

json::Value whole_timeline(const Context& c, const std::string& first_page) {
    json::Value page = c.client().get(first_page);
    json::Array items;
    for (;;) {
        if (const json::Array* more = page["items"].array()) items.insert(items.end(), more->begin(), more->end());
        if (page["next"].is_null()) break;
        page = c.client().get(first_page + "&after=" + page["next"].dump());
    }
    return json::Value()
        .set("items", std::move(items))
        .set("truncated", page["truncated"])
        .set("history_from", page["history_from"])
        .set("log_files_from", page["log_files_from"]);
}

} // namespace

int explain(const Context& c) {
    const std::string& key = c.arguments.one("KEY");
    const std::int64_t from = since(c);
    const json::Value answer = whole_timeline(c, fmt::format("/api/v1/history?key={}&since={}", encoded(key), from));
    if (c.json || !answer["items"].array()->empty()) return c.show(answer, timeline_text);
    throw Failure{exit_not_found, nothing_known(key, from, answer)};
}

} // namespace postern::mailctl
