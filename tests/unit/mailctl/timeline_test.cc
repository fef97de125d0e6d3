#include "mailctl/timeline.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::mailctl;

namespace {

json::Value event(std::string_view session, std::string_view name, std::string_view reason) {
    const auto field = [](std::string_view key, std::string_view value) { return json::Array{json::Value(key), json::Value(value)}; };
    json::Value fields = json::Array{};
    fields.push(field("session", session));
    fields.push(field("reason", reason));
    return json::Value().set("time_us", 1'500'000).set("level", "warning").set("source", "smtpd/0").set("event", name).set("fields", std::move(fields));
}

std::string text_of(std::initializer_list<json::Value> events, bool truncated = false) {
    json::Value items = json::Array{};
    for (const auto& e : events) items.push(e);
    return timeline_text(json::Value().set("items", std::move(items)).set("truncated", truncated));
}
bool has(const std::string& text, std::string_view what) { return text.find(what) != text.npos; }

} // namespace

TEST_CASE("a timeline tells the trace once when there is but one") {
    const std::string one = text_of({event("abc", "smtpd.rcpt.refuse", "No such mailbox here")});
    CHECK(one.starts_with("trace abc\n"));
    CHECK(has(one, "01.500  smtpd/0  smtpd.rcpt.refuse  warning: reason=\"No such mailbox here\"\n"));
    CHECK_FALSE(has(one, "session="));
    const std::string two = text_of({event("abc", "a", "x"), event("def", "b", "y")}, true);
    CHECK(has(two, "session=abc"));
    CHECK(has(two, "session=def"));
    CHECK(two.starts_with("the youngest 2 events"));
}

TEST_CASE("whatever a client sent does not reach the terminal as it is") {
    CHECK(has(text_of({event("abc", "n", "\x1b[2J")}), "\\x1b"));
}

TEST_CASE("nothing known says how far back was looked") {
    const auto answer = json::Value().set("history_from", 1'000'000).set("log_files_from", 500'000);
    CHECK(has(nothing_known("q", 0, answer), "which goes back to 1970-01-12"));
    CHECK(has(nothing_known("q", 0, answer), "the log files in logging.dir go back to 1970-01-06"));
    CHECK(has(nothing_known("q", 1'100'000, answer), "without --since"));
    CHECK(has(nothing_known("q", 0, json::Value().set("history_from", 0)), "empty"));
}
