// Policies with a DNS, a web and a clock that do as they are told. What they are asked waits until answer() or fetched().
#include "tlspolicyd/sts/policies.h"

#include <catch2/catch.hpp>

#include <deque>

using namespace postern;
using namespace postern::sts;
using ipc::StsMode;

namespace {

constexpr std::int64_t start = 1'795'000'000, hour = 3'600, day = 24 * hour;

struct World {
    World() : db(std::move(*open_policies(":memory:"))), store(db), policies(loop, store, outside()) {
        policies.configure({443, std::chrono::milliseconds(1), 1000});
    }
    Outside outside() {
        return {[this](const std::string& name, std::function<void(const ipc::DnsAnswer&)> done) { asked.emplace_back(name, std::move(done)); },
                [this](const std::string& url, std::function<void(const ipc::HttpReply&)> done) { gotten.emplace_back(url, std::move(done)); },
                [this] { return now; },
                [this](const Failure& failure) { failures.push_back(failure); }};
    }

    void ask(std::string_view domain = "example.org", bool renew = false) {
        policies.ask(domain, renew, [this](const ipc::TlsPolicy& policy) { answers.push_back(policy); });
    }
    void record(std::string_view txt) {
        ipc::DnsAnswer answer;
        answer.status = txt.empty() ? ipc::DnsStatus::no_name : ipc::DnsStatus::found;
        if (!txt.empty()) answer.records.push_back({0, txt});
        say(answer);
    }
    void id(std::string_view id) { record("v=STSv1; id=" + std::string(id) + ";"); }
    void say(const ipc::DnsAnswer& answer) {
        REQUIRE_FALSE(asked.empty());
        const auto done = std::move(asked.front().second);
        asked.pop_front();
        done(answer);
    }
    void fetched(StsMode mode, std::int64_t max_age = 10 * day) {
        std::string text = "version: STSv1\nmode: " + std::string(to_string(mode)) + "\nmax_age: " + std::to_string(max_age) + "\n";
        if (mode != StsMode::none) text += "mx: mx.example.org\n";
        reply({ipc::HttpStatus::answered, 200, "text/plain", text, ""});
    }
    void unfetched(ipc::HttpStatus status = ipc::HttpStatus::unreachable) { reply({status, 0, "", "", "why"}); }
    void reply(const ipc::HttpReply& reply) {
        REQUIRE_FALSE(gotten.empty());
        const auto done = std::move(gotten.front().second);
        gotten.pop_front();
        done(reply);
    }
    // The answer to the one question that waits.
    ipc::TlsPolicy answer() {
        REQUIRE(answers.size() == 1);
        const ipc::TlsPolicy policy = answers.front();
        answers.clear();
        return policy;
    }
    ipc::TlsPolicy learn(StsMode mode = StsMode::enforce, std::string_view as = "1", std::int64_t max_age = 10 * day) {
        ask();
        id(as);
        fetched(mode, max_age);
        return answer();
    }

    Loop loop;
    std::int64_t now = start;
    sql::Database db;
    Store store;
    std::deque<std::pair<std::string, std::function<void(const ipc::DnsAnswer&)>>> asked;
    std::deque<std::pair<std::string, std::function<void(const ipc::HttpReply&)>>> gotten;
    std::vector<Failure> failures;
    std::vector<ipc::TlsPolicy> answers;
    Policies policies;
};

ipc::DnsAnswer servfail() {
    ipc::DnsAnswer answer;
    answer.status = ipc::DnsStatus::failed;
    answer.reason = "SERVFAIL";
    return answer;
}

} // namespace

TEST_CASE("a policy is asked for where the standard says it is") {
    World world;
    world.ask("Example.ORG");
    CHECK(world.asked.front().first == "_mta-sts.example.org");
    world.id("1");
    CHECK(world.gotten.front().first == "https://mta-sts.example.org/.well-known/mta-sts.txt");
    world.fetched(StsMode::enforce);
    const ipc::TlsPolicy policy = world.answer();
    CHECK(policy.known);
    CHECK(policy.mode == StsMode::enforce);
    CHECK(policy.id.view() == "1");
    CHECK(policy.mx.items == std::vector<ipc::DnsName>{"mx.example.org"});
    CHECK((policy.fetched == start && policy.expires == start + 10 * day));
}

TEST_CASE("what is no domain is not asked for") {
    for (const std::string& domain : {std::string(), std::string("a..b"), std::string("a/b"), std::string("a b"), std::string("[192.0.2.1]"),
                                      std::string("x.") + std::string(250, 'y')}) {
        World world;
        world.ask(domain);
        CHECK(world.answer().known);
        CHECK(world.asked.empty());
    }
}

TEST_CASE("without a record there is no policy, and nothing is fetched") {
    World world;
    world.ask();
    world.record("");
    const ipc::TlsPolicy policy = world.answer();
    CHECK((policy.known && policy.mode == StsMode::none && policy.id.empty()));
    CHECK(policy.reason.view() == "no record");
    CHECK_FALSE(policy.may_come);
    CHECK(world.gotten.empty());
}

TEST_CASE("a policy that could not be had is told from one that is not there") {
    World world;
    world.ask();
    world.say(servfail());
    CHECK(world.answer().may_come);
    world.ask();
    world.id("1");
    world.unfetched();
    CHECK(world.answer().may_come);
    CHECK_FALSE(world.learn(StsMode::none, "2").may_come);
}

TEST_CASE("a known policy is used until it expires, or another is announced") {
    World world;
    world.learn();
    world.now += 9 * day;
    world.ask();
    world.id("1");
    CHECK(world.answer().mode == StsMode::enforce);
    CHECK(world.gotten.empty());

    world.ask();
    world.id("2");
    world.fetched(StsMode::testing, 30 * day);
    CHECK(world.answer().mode == StsMode::testing);

    world.now += 30 * day;
    world.ask();
    world.id("2");
    REQUIRE(world.gotten.size() == 1);                           // it has expired
    world.unfetched();
    CHECK(world.answer().mode == StsMode::none);
}

TEST_CASE("a known policy holds whatever is withheld: section 5.1") {
    World world;
    world.learn();
    const auto holds = [&world] {
        const ipc::TlsPolicy policy = world.answer();
        return policy.mode == StsMode::enforce && policy.id.view() == "1";
    };
    world.ask();
    world.record("");
    CHECK(holds());
    world.ask();
    world.record("v=STSv1; broken");
    CHECK(holds());
    world.ask();
    world.say(servfail());
    CHECK(holds());
    world.ask();
    world.id("2");
    world.unfetched(ipc::HttpStatus::not_trusted);
    CHECK(holds());
}

TEST_CASE("a policy that is not known and cannot be had is none") {
    World world;
    world.ask();
    world.say(servfail());
    CHECK((world.answer().known && world.failures.empty()));
    world.ask();
    world.id("1");
    world.unfetched(ipc::HttpStatus::forbidden);
    CHECK(world.answer().reason.view() == "forbidden: why");
}

TEST_CASE("a failure is not repeated for five minutes, but for another id: section 3.3") {
    World world;
    world.ask();
    world.id("1");
    world.unfetched();
    world.answers.clear();
    world.now += 299;
    world.ask();
    world.id("1");
    CHECK(world.answer().reason.view() == "unreachable: why");
    CHECK(world.gotten.empty());
    world.ask();
    world.id("2");
    CHECK(world.gotten.size() == 1);
    world.unfetched();
    world.answers.clear();
    world.now += 300;
    world.ask();
    world.id("2");
    REQUIRE(world.gotten.size() == 1);
    world.fetched(StsMode::enforce);
    CHECK(world.answer().mode == StsMode::enforce);
}

TEST_CASE("a failure of our own is not the domain's") {
    World world;
    world.ask();
    world.id("1");
    world.unfetched(ipc::HttpStatus::busy);
    world.answers.clear();
    CHECK(world.failures.empty());
    world.ask();
    world.id("1");
    CHECK(world.gotten.size() == 1);
}

TEST_CASE("failures are told by their kind") {
    struct Case {
        ipc::HttpReply reply;
        ipc::TlsResultType type;
    };
    const std::string good = "version: STSv1\nmode: none\nmax_age: 5\n";
    const Case cases[] = {
        {{ipc::HttpStatus::not_trusted, 0, "", "", ""}, ipc::TlsResultType::sts_webpki_invalid},
        {{ipc::HttpStatus::timed_out, 0, "", "", ""}, ipc::TlsResultType::sts_policy_fetch_error},
        {{ipc::HttpStatus::answered, 404, "text/plain", good, ""}, ipc::TlsResultType::sts_policy_fetch_error},
        {{ipc::HttpStatus::answered, 301, "text/plain", good, ""}, ipc::TlsResultType::sts_policy_fetch_error},
        {{ipc::HttpStatus::answered, 200, "text/html", good, ""}, ipc::TlsResultType::sts_policy_invalid},
        {{ipc::HttpStatus::answered, 200, "text/plain", "nonsense", ""}, ipc::TlsResultType::sts_policy_invalid},
    };
    for (const Case& c : cases) {
        World world;
        world.ask();
        world.id("9");
        world.reply(c.reply);
        CHECK(world.answer().id.empty());
        REQUIRE(world.failures.size() == 1);
        CHECK(world.failures.front().type == c.type);
        CHECK((world.failures.front().domain == "example.org" && world.failures.front().id == "9"));
    }
}

TEST_CASE("questions about one domain wait for one look-up") {
    World world;
    for (int i = 0; i < 5; ++i) world.ask();
    world.ask("other.example");
    CHECK(world.asked.size() == 2);
    world.id("1");
    CHECK(world.gotten.size() == 1);
    world.fetched(StsMode::enforce);
    CHECK(world.answers.size() == 5);
}

TEST_CASE("nobody waits longer than patience lasts, and what comes later is kept") {
    World world;
    world.ask();
    world.id("1");
    Timer limit(world.loop, [&world] { world.loop.stop(); });
    limit.once(std::chrono::seconds(10));
    Timer look(world.loop, [&world] { if (!world.answers.empty()) world.loop.stop(); });
    look.every(std::chrono::milliseconds(1));
    world.loop.run();
    CHECK(world.answer().reason.view() == "it is being fetched");
    world.ask();                                                 // at once
    CHECK(world.answer().mode == StsMode::none);
    CHECK(world.gotten.size() == 1);
    world.fetched(StsMode::enforce);
    world.ask();
    world.id("1");
    CHECK(world.answer().mode == StsMode::enforce);
}

TEST_CASE("what is renewed is fetched, whatever is known") {
    World world;
    world.learn();
    world.ask("example.org", true);
    world.id("1");
    world.fetched(StsMode::testing);
    CHECK(world.answer().mode == StsMode::testing);
    world.ask("example.org", true);
    world.id("1");
    world.unfetched();
    const ipc::TlsPolicy kept = world.answer();
    CHECK((kept.mode == StsMode::testing && kept.reason.view() == "unreachable: why"));
}

TEST_CASE("a policy of none replaces another, and is known like one: section 8.3") {
    World world;
    world.learn();
    world.ask();
    world.id("2");
    world.fetched(StsMode::none, day);
    const ipc::TlsPolicy none = world.answer();
    CHECK((none.mode == StsMode::none && none.id.view() == "2"));
    world.ask();
    world.id("2");
    CHECK(world.answer().mode == StsMode::none);
    CHECK(world.gotten.empty());
}

TEST_CASE("a policy that lives no time is not fetched for each message") {
    World world;
    world.learn(StsMode::enforce, "1", 0);
    world.now += 299;
    world.ask();
    world.id("1");
    CHECK(world.answer().mode == StsMode::enforce);
    CHECK(world.gotten.empty());
    world.now += 1;
    world.ask();
    world.id("1");
    CHECK(world.gotten.size() == 1);
}

TEST_CASE("policies are renewed once a day, before they expire: section 3.3") {
    World world;
    world.learn();
    world.policies.refresh();
    CHECK(world.asked.empty());
    world.now += day;
    world.policies.refresh();
    world.policies.refresh();                                    // not twice
    CHECK(world.asked.size() == 1);
    world.id("1");
    world.fetched(StsMode::enforce);
    CHECK((*world.store.find("example.org"))->expires == start + 11 * day);

    world.now += day;
    world.policies.refresh();
    world.say(servfail());                                       // who hides the record does not stop the renewal
    world.unfetched();
    CHECK(world.failures.size() == 1);
    world.policies.refresh();
    CHECK(world.asked.empty());
    world.now += hour;
    world.policies.refresh();
    world.record("");                                            // it is gone: what is known lives on to its end
    CHECK(world.gotten.empty());
    CHECK((*world.store.find("example.org"))->expires == start + 11 * day);
    CHECK(world.answers.empty());
}

TEST_CASE("a policy nobody asks for is not renewed") {
    World world;
    world.learn(StsMode::enforce, "1", 300 * day);
    world.now += 15 * day;
    world.policies.refresh();
    CHECK(world.asked.empty());
    world.ask();
    world.id("1");
    world.answers.clear();
    world.policies.refresh();
    CHECK(world.asked.size() == 1);
}

TEST_CASE("a database that is broken says so") {
    World world;
    REQUIRE(world.db.execute("DROP TABLE policies").ok());
    world.ask();
    CHECK_FALSE(world.answer().known);
}

TEST_CASE("a policy is quoted for reports while it is the one known") {
    World world;
    world.learn();
    CHECK(world.policies.lines("example.org", "1") ==
          std::vector<std::string>{"version: STSv1", "mode: enforce", "mx: mx.example.org", "max_age: " + std::to_string(10 * day)});
    CHECK(world.policies.lines("example.org", "2").empty());
    CHECK(world.policies.lines("example.com", "1").empty());
}
