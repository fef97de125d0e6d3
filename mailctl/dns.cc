// What the daemons find in the DNS, asked as they ask.
#include "libcommon/network.h"
#include "libcommon/text.h"
#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/verbs.h"

#include <fmt/core.h>

namespace postern::mailctl {
namespace {

struct Ending {
    std::string_view status;
    ExitCode code;
    std::string_view words;
};
constexpr Ending endings[] = {
    {"found", exit_ok, "found"},
    {"no-data", exit_not_found, "the name exists, without such a record"},
    {"no-name", exit_not_found, "no such name"},
    {"bad-name", exit_data, "not a name"},
    {"failed", exit_unavailable, "no answer"},
    {"timed-out", exit_unavailable, "no answer in time"},
    {"bogus", exit_unavailable, "an answer that is not true"},
};

const Ending& ending_of(const json::Value& answer) {
    static constexpr Ending unknown{"", exit_software, "an answer nobody expected"};
    for (const Ending& ending : endings)
        if (shown(answer["status"]) == ending.status) return ending;
    return unknown;
}

bool is_true(const json::Value& member) { return member.flag() && *member.flag(); }

std::string answer_text(const json::Value& answer) {
    std::string text = fmt::format("{} {}: {}", shown(answer["name"]), shown(answer["type"]), ending_of(answer).words);
    if (const std::string reason = shown(answer["reason"]); !reason.empty()) text += ": " + reason;
    if (is_true(answer["authentic"])) text += ", authentic";
    if (const std::string source = shown(answer["source"]); !source.empty()) text += ", from " + source;
    if (is_true(answer["cached"])) text += ", known already";
    text += fmt::format(", for {} s\n", shown(answer["ttl"]));
    if (shown(answer["canonical"]) != ascii_lower(shown(answer["name"])) && ending_of(answer).code != exit_data)
        text += "it is " + shown(answer["canonical"]) + "\n";
    for (const json::Value& record : *answer["records"].array()) {
        if (!record["preference"].is_null()) text += shown(record["preference"]) + " ";
        text += shown(record["data"]) + "\n";
    }
    return text;
}

} // namespace

// An address is asked for by its own name, for whose it is.
int dns_lookup(const Context& c) {
    std::string name = c.arguments.one("NAME"), type = c.arguments.one("TYPE");
    if (const auto address = IpAddress::parse(name); address && (type.empty() || iequals(type, "PTR"))) {
        name = address->reverse_name();
        type = "PTR";
    }
    const json::Value answer = c.client().get("/api/v1/dns/records?name=" + encoded(name) + "&type=" + encoded(type));
    c.show(answer, answer_text);
    return ending_of(answer).code;
}

int dns_flush(const Context& c) {
    const std::string& name = c.arguments.one("NAME");
    const json::Value flushed = c.client().send("DELETE", "/api/v1/dns/cache" + (name.empty() ? "" : "?name=" + encoded(name)));
    return c.show(flushed, [](const json::Value& answer) { return "forgotten: " + shown(answer["answers"]) + " answers\n"; });
}

} // namespace postern::mailctl
