#include "logd/explain.h"
#include "logd/timeline.h"
#include "tests/unit/logd/temporary.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::logd;

namespace {

// One connection with two messages and a refusal between them, a session of IMAP, and somebody else's mail.
std::vector<Kept> day() {
    std::int64_t t = 0;
    std::vector<Kept> all;
    const auto say = [&](const char* name, Pairs fields) { all.push_back(event_of(++t, name, fields)); };
    say("smtpd.connect", {{"session", "c1"}, {"client", "192.0.2.1"}});
    say("smtpd.tls", {{"session", "c1"}, {"version", "TLSv1.3"}});
    say("smtpd.rcpt.accept", {{"session", "c1"}, {"rcpt", "ann@lab.test"}});
    say("queue.accepted", {{"queue", "Q1"}, {"session", "c1"}, {"from", "bob@x.example"}});
    say("smtpd.message.accepted", {{"session", "c1"}, {"queue", "Q1"}, {"message_id", "<One@x.example>"}});
    say("smtpd.rcpt.refuse", {{"session", "c1"}, {"rcpt", "nobody@lab.test"}, {"reason", "No such mailbox here"}});
    say("smtpd.rcpt.accept", {{"session", "c1"}, {"rcpt", "carl@lab.test"}});
    say("queue.accepted", {{"queue", "Q2"}, {"session", "c1"}, {"from", "bob@x.example"}});
    say("smtpd.message.accepted", {{"session", "c1"}, {"queue", "Q2"}, {"message_id", "<two@x.example>"}});
    say("imapd.delivered", {{"session", "c1"}, {"queue", "Q1"}, {"account", "1"}, {"file", "f1"}});
    say("imapd.delivered", {{"session", "c1"}, {"queue", "Q2"}, {"account", "3"}, {"file", "f2"}});
    say("smtpd.disconnect", {{"session", "c1"}});
    say("auth.login.ok", {{"session", "i1"}, {"account", "1"}, {"address", "ann@lab.test"}});
    say("imapd.session.open", {{"session", "i1"}, {"account", "1"}});
    say("smtpd.connect", {{"session", "c9"}});
    say("delivery.delivered", {{"queue", "Q1"}, {"session", "c1"}, {"rcpt", "ann@lab.test"}});
    say("queue.recovered", {{"queue", "all"}});
    return all;
}

std::string explained(std::string_view key) {
    Temporary directory("timeline");
    History history({directory.path / "h", 1 << 20, INT64_MAX / 2}, [](const std::string& what) { FAIL(what); });
    REQUIRE(history.open(0).ok());
    Batch batch;
    for (const Kept& kept : day()) add(batch, kept);
    REQUIRE(history.append(batch, 0).ok());
    std::string out;
    for (const Kept& kept : explain(history, key, 0).events) out += (out.empty() ? "" : " ") + std::to_string(kept.record.time_us);
    return out;
}

struct Case { std::string_view key, times; };
constexpr Case cases[] = {
    {"Q1", "1 2 3 4 5 10 12 16"},                // its transaction, the connection's own events, its delivery
    {"Q2", "1 2 6 7 8 9 11 12"},                 // the refusal was in its transaction
    {"<one@X.example>", "1 2 3 4 5 10 12 16"},   // a Message-ID, whatever its case, with or without <>
    {"two@x.example", "1 2 6 7 8 9 11 12"},
    {"nobody@lab.test", "1 2 6 7 8 9 11 12"},
    {"ANN@lab.test", "1 2 3 4 5 10 12 13 14 16"},
    {"c1", "1 2 3 4 5 6 7 8 9 10 11 12 16"},     // a trace is everything
    {"i1", "13 14"},
    {"bob@x.example", "1 2 3 4 5 6 7 8 9 10 11 12 16"},
    {"stranger@lab.test", ""},
    {"", ""},
};

} // namespace

TEST_CASE("a timeline is what belongs to the key, and nothing else") {
    for (const Case& c : cases) {
        INFO(c.key);
        CHECK(explained(c.key) == c.times);
    }
}

TEST_CASE("an answer is bounded, the youngest events stay, and it says that there was more") {
    Temporary directory("bounded");
    History history({directory.path / "h", 64 << 20, INT64_MAX / 2}, [](const std::string& what) { FAIL(what); });
    REQUIRE(history.open(0).ok());
    constexpr int many = 3000;
    for (int i = 0; i < many; ++i) {
        Batch batch;
        add(batch, event_of(i, "queue.accepted", {{"session", "s" + std::to_string(i)}, {"from", "bulk@lab.test"}}));
        REQUIRE(history.append(batch, 0).ok());
    }
    const Explanation answer = explain(history, "bulk@lab.test", 0);
    CHECK(answer.truncated);
    CHECK(answer.events.size() == max_mentions);
    CHECK(answer.events.back().record.time_us == many - 1);
}
