#include "tlspolicyd/reports/results.h"
#include "tlspolicyd/reports/schema.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::tlsrpt;
using ipc::TlsPolicyType;
using ipc::TlsResultType;
using State = ipc::TlsReportState;

namespace {

constexpr std::int64_t day = 20'000, noon = day * day_seconds + day_seconds / 2, midnight = (day + 1) * day_seconds;

ipc::TlsResult result(std::string domain, TlsResultType type = TlsResultType::success, std::uint32_t count = 1, std::string host = "mx.example") {
    ipc::TlsResult made;
    made.domain = std::move(domain);
    made.result = type;
    made.count = count;
    if (type == TlsResultType::success) return made;
    made.sending_ip = "192.0.2.1";
    made.receiving_ip = "192.0.2.2";
    made.mx_host = std::move(host);
    made.reason = "because";
    return made;
}

struct Fixture {
    sql::Database db = std::move(*open_results(":memory:"));
    Results results{db, [](std::int64_t d, std::string_view) { return (d + 1) * day_seconds + 60; }, {5, 3, 2}};

    Results::Lost add(std::vector<ipc::TlsResult> some, std::int64_t now = noon) {
        auto added = results.add({{std::move(some)}}, now);
        REQUIRE(added.ok());
        return *added;
    }
    Stretch stretch(std::string_view domain, std::int64_t of_day = ipc::latest_day) {
        auto found = results.find(domain, of_day);
        REQUIRE(found.ok());
        REQUIRE(found->has_value());
        return **found;
    }
    std::vector<Stretch> due(std::int64_t now) { return std::move(*results.take_due(now, 10)); }
    std::vector<DueTarget> due_targets(std::int64_t now) { return std::move(*results.take_due_targets(now, 10)); }
    // Of a domain whose report is to be sent to these.
    Stretch sending(std::vector<std::string> uris) {
        add({result("d.example")});
        due(midnight + 60);
        const Stretch made = stretch("d.example");
        std::vector<Target> targets;
        for (const std::string& uri : uris) targets.push_back(*parse_target(uri));
        REQUIRE(results.set_targets(made.id, targets, midnight + 61).ok());
        return made;
    }
    std::string listed(std::string_view domain = "", std::int64_t of_day = day, std::string_view after = "", std::uint32_t limit = 100) {
        ipc::ListTlsResults ask;
        ask.domain = domain;
        ask.after = after;
        ask.limit = limit;
        const auto listing = results.list(ask, of_day);
        REQUIRE(listing.ok());
        std::string out;
        for (const auto& row : listing->rows)
            out += fmt::format("{} {} {} {}/{}; ", row.domain.view(), to_string(row.state), to_string(row.policy), row.successes, row.failures);
        return out + (listing->next.empty() ? "" : "next " + listing->next.value);
    }
};

} // namespace

TEST_CASE("equal results are one number, different ones are told apart") {
    Fixture f;
    f.add({result("d.example", TlsResultType::success, 3), result("D.EXAMPLE", TlsResultType::success, 2)});
    f.add({result("d.example", TlsResultType::certificate_expired, 4), result("d.example", TlsResultType::certificate_expired),
           result("d.example", TlsResultType::validation_failure)});
    CHECK(f.listed() == "d.example gathering no-policy-found 5/6; ");
    const auto policies = std::move(*f.results.policies(f.stretch("d.example").id));
    REQUIRE(policies.size() == 1);
    REQUIRE(policies[0].details.size() == 2);
    CHECK(policies[0].details[0].result == TlsResultType::certificate_expired);
    CHECK(policies[0].details[0].count == 5);
    CHECK(policies[0].details[0].mx_host == "mx.example");
    CHECK(policies[0].details[0].reason == "because");
}

TEST_CASE("each policy has its own numbers, and TLSA records are a set") {
    Fixture f;
    auto tlsa = result("d.example");
    tlsa.policy = TlsPolicyType::tlsa;
    tlsa.tlsa = std::vector<Text<256>>{"3 1 1 bb", "3 1 1 aa"};
    auto turned = tlsa;
    turned.tlsa = std::vector<Text<256>>{"3 1 1 aa", "3 1 1 bb"};
    auto sts = result("d.example");
    sts.policy = TlsPolicyType::sts;
    sts.sts_id = "2024";
    f.add({tlsa, turned, sts, result("d.example")});
    CHECK(f.listed() == "d.example gathering no-policy-found 1/0; d.example gathering tlsa 2/0; d.example gathering sts 1/0; ");
    const auto policies = std::move(*f.results.policies(f.stretch("d.example").id));
    REQUIRE(policies.size() == 3);
    CHECK(policies[0].lines == std::vector<std::string>{"3 1 1 aa", "3 1 1 bb"});
    CHECK(policies[1].sts_id == "2024");
}

TEST_CASE("what hosts made us see is text") {
    Fixture f;
    auto odd = result("d\x01.example\xff", TlsResultType::validation_failure);
    odd.reason = "line\r\nnext \"quoted\" \xc3";
    f.add({odd});
    const auto listing = f.listed();
    CHECK(listing.find_first_of("\x01\xff\r\n") == std::string::npos);
    const auto policies = std::move(*f.results.policies(f.stretch("d\\x01.example\\xff").id));
    CHECK(json::parse(report_json({"o", "c@x.example", ""}, f.stretch("d\\x01.example\\xff"), policies).dump()).ok());
}

TEST_CASE("what is stored fits into the messages it is shown by, whatever it was made of") {
    Fixture f;
    auto odd = result(std::string(253, '\xff'), TlsResultType::validation_failure, 1, std::string(253, '\x01'));
    odd.policy = TlsPolicyType::sts;
    odd.sts_id = std::string(32, '\xff');
    odd.sending_ip = odd.receiving_ip = std::string(64, '\n');
    odd.reason = std::string(256, '\r');
    f.add({odd});
    const auto listing = f.results.list({}, day);
    REQUIRE(listing->rows.size() == 1);
    CHECK(listing->rows.items[0].domain.value.size() == 253);
    const auto policies = std::move(*f.results.policies(f.stretch(listing->rows.items[0].domain.view()).id));
    CHECK(policies[0].sts_id.size() == 32);
    CHECK(policies[0].details[0].sending_ip.size() == 64);
    CHECK(policies[0].details[0].mx_host.size() == 253);
    CHECK(policies[0].details[0].reason.size() == 256);
}

TEST_CASE("domains, policies and details are bounded, and what found no place is counted") {
    Fixture f;
    for (int i = 0; i < 5; ++i) CHECK(f.add({result("d" + std::to_string(i) + ".example")}).domains == 0);
    CHECK(f.add({result("d5.example", TlsResultType::success, 7)}).domains == 7);
    CHECK(f.add({result("d0.example", TlsResultType::success, 7)}).domains == 0);        // has its place
    CHECK(f.add({result("d5.example")}, noon + day_seconds).domains == 0);               // another day

    for (int i = 0; i < 4; ++i) {
        auto sts = result("d1.example", TlsResultType::success, 2);
        sts.policy = TlsPolicyType::sts;
        sts.sts_id = std::to_string(i);
        CHECK(f.add({sts}).domains == (i < 2 ? 0 : 2));                                  // one without policy was there
    }
    for (int i = 0; i < 4; ++i)
        CHECK(f.add({result("d2.example", TlsResultType::validation_failure, 3, "mx" + std::to_string(i))}).details == (i < 2 ? 0 : 3));
    CHECK(f.listed("d2.example") == "d2.example gathering no-policy-found 1/12; ");      // the sum is right
}

TEST_CASE("a new process counts what is there") {
    Fixture f;
    for (int i = 0; i < 5; ++i) f.add({result("d" + std::to_string(i) + ".example")});
    Results again(f.db, [](std::int64_t, std::string_view) { return std::int64_t{0}; }, {5, 3, 2});
    CHECK(again.add({{{result("d9.example")}}}, noon)->domains == 1);
}

TEST_CASE("a day's results are due after it, once, and again after a pause") {
    Fixture f;
    f.add({result("d.example")});
    f.add({result("d.example")}, noon + day_seconds);
    CHECK(f.due(midnight + 59).empty());
    const auto first = f.due(midnight + 60);
    REQUIRE(first.size() == 1);
    CHECK(first[0].domain == "d.example");
    CHECK(first[0].began == day * day_seconds);
    CHECK(first[0].ended == midnight);
    CHECK(first[0].state == State::asking);
    CHECK(f.due(midnight + 60).empty());
    CHECK(f.due(midnight + 60 + pause_after(1) - 1).empty());
    CHECK(f.due(midnight + 60 + pause_after(1))[0].tries == 2);
}

TEST_CASE("each target of a report is tried until it has answered") {
    Fixture f;
    const Stretch stretch = f.sending({"mailto:a@x.example", "https://x.example/"});
    CHECK(f.due(midnight + day_seconds).empty());                    // it is known where it goes
    CHECK(f.due_targets(midnight + 60).empty());
    auto due = f.due_targets(midnight + 61);
    REQUIRE(due.size() == 2);
    CHECK(due[0].stretch.domain == "d.example");
    CHECK(due[0].tries == 1);
    CHECK(f.due_targets(midnight + 61).empty());
    REQUIRE(f.results.end_target(stretch.id, "mailto:a@x.example", State::sent, "").ok());
    REQUIRE(f.results.note_failure(stretch.id, "https://x.example/", "the server answered 500").ok());
    CHECK(f.stretch("d.example").state == State::sending);
    due = f.due_targets(midnight + 61 + pause_after(1));
    REQUIRE(due.size() == 1);
    CHECK(due[0].target.uri == "https://x.example/");
    CHECK(due[0].tries == 2);
    const auto targets = f.results.targets(stretch.id);
    for (const auto& target : *targets)
        CHECK(target.reason.view() == (target.uri.view().starts_with("https") ? "the server answered 500" : ""));
    REQUIRE(f.results.end_target(stretch.id, "https://x.example/", State::failed, "the server answered 500").ok());
    CHECK(f.stretch("d.example").state == State::sent);              // one of them took it
    CHECK(f.due_targets(midnight + 10 * day_seconds).empty());
}

TEST_CASE("a report that no target took has failed") {
    Fixture f;
    const Stretch stretch = f.sending({"mailto:a@x.example"});
    REQUIRE(f.results.end_target(stretch.id, "mailto:a@x.example", State::failed, "no").ok());
    CHECK(f.stretch("d.example").state == State::failed);
}

TEST_CASE("a domain that asks for nothing leaves nothing") {
    Fixture f;
    f.add({result("d.example", TlsResultType::validation_failure), result("e.example", TlsResultType::validation_failure)});
    REQUIRE(f.results.end(f.stretch("d.example").id).ok());
    CHECK(f.listed() == "e.example gathering no-policy-found 0/1; ");
    for (const auto* table : {"policies", "details"}) {
        INFO(table);
        sql::Rows rows = table == std::string_view("policies") ? f.db.query("SELECT count(*) FROM policies") : f.db.query("SELECT count(*) FROM details");
        REQUIRE(rows.next());
        CHECK(rows.number(0) == 1);
    }
}

TEST_CASE("an operator ends a stretch before its day, and what comes then is the next one's") {
    Fixture f;
    f.add({result("d.example", TlsResultType::success, 2)});
    const auto sent = f.results.send_now(f.stretch("d.example"), noon + 10);
    REQUIRE(sent.ok());
    CHECK(sent->ended == noon + 10);
    CHECK(f.due(noon + 10).size() == 1);
    f.add({result("d.example", TlsResultType::success, 5)}, noon + 20);
    CHECK(f.listed() == "d.example asking no-policy-found 2/0; d.example gathering no-policy-found 5/0; ");
    const Stretch rest = f.stretch("d.example");
    CHECK(rest.began == noon + 10);
    CHECK(rest.ended == midnight);
    CHECK(report_id({"", "c@x.example", ""}, rest) != report_id({"", "c@x.example", ""}, *sent));
}

TEST_CASE("an operator has a report sent once more, which is the same report") {
    Fixture f;
    const Stretch stretch = f.sending({"mailto:a@x.example"});
    REQUIRE(f.results.end_target(stretch.id, "mailto:a@x.example", State::sent, "").ok());
    const auto again = f.results.send_now(f.stretch("d.example"), midnight + 500);
    REQUIRE(again.ok());
    CHECK(report_id({"", "c@x.example", ""}, *again) == report_id({"", "c@x.example", ""}, stretch));
    CHECK(again->due == stretch.due);
    CHECK(f.results.targets(stretch.id)->empty());
    // What was under way meanwhile says so too late.
    REQUIRE(f.results.end_target(stretch.id, "mailto:a@x.example", State::sent, "").ok());
    CHECK(f.stretch("d.example").state == State::asking);
    CHECK(f.due(midnight + 500).size() == 1);
}

TEST_CASE("pages hold whole domains") {
    Fixture f;
    for (const auto* domain : {"a.example", "b.example", "c.example"}) {
        auto sts = result(domain);
        sts.policy = TlsPolicyType::sts;
        f.add({result(domain), sts});
    }
    CHECK(f.listed("", day, "", 3) == "a.example gathering no-policy-found 1/0; a.example gathering sts 1/0; next a.example");
    CHECK(f.listed("", day, "a.example", 4) ==
          "b.example gathering no-policy-found 1/0; b.example gathering sts 1/0; c.example gathering no-policy-found 1/0; c.example gathering sts 1/0; ");
    CHECK(f.listed("", day, "", 1) == "a.example gathering no-policy-found 1/0; next a.example");      // it fills the page
    CHECK(f.listed("", day - 1).empty());
}

TEST_CASE("what is old is forgotten") {
    Fixture f;
    f.add({result("d.example", TlsResultType::validation_failure)});
    REQUIRE(f.results.forget_old(noon + Results::keep_days * day_seconds).ok());
    CHECK_FALSE(f.listed().empty());
    REQUIRE(f.results.forget_old(noon + (Results::keep_days + 1) * day_seconds).ok());
    CHECK(f.listed().empty());
}
