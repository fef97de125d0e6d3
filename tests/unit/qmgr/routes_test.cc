#include "qmgr/routes.h"

#include "config/destination_rule.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::qmgr;

namespace {

std::vector<std::string> rules(const std::vector<std::string>& written) {
    std::vector<std::string> flat;
    for (const std::string& rule : written) {
        const auto parsed = config::destination_rule(rule);
        REQUIRE(parsed.ok());
        flat.push_back(*parsed);
    }
    return flat;
}

} // namespace

TEST_CASE("the closest rule counts, the sender's before the smarthost") {
    Routes::Options options;
    options.destinations = rules({"example.com via=[192.0.2.1]:2525", ".example.com via=below.test", "*  via=[smart.test]:587",
                                  "deep.down.example.com concurrency=3"});
    options.senders = rules({"ours.test via=[192.0.2.9]"});
    const Routes routes(options);
    CHECK(routes.next_hop("a@example.com", "b@other.test") == "[192.0.2.1]:2525");
    CHECK(routes.next_hop("a@EXAMPLE.com", "b@ours.test") == "[192.0.2.1]:2525");
    CHECK(routes.next_hop("a@x.example.com", "") == "below.test");
    CHECK(routes.next_hop("a@deep.down.example.com", "") == "below.test");
    CHECK(routes.next_hop("a@else.test", "b@ours.test") == "[192.0.2.9]");
    CHECK(routes.next_hop("a@else.test", "b@other.test") == "[smart.test]:587");
    CHECK(Routes(Routes::Options{}).next_hop("a@[192.0.2.7]", "") == "[192.0.2.7]");
}

TEST_CASE("each property comes from the closest rule that has it") {
    Routes::Options options;
    options.limits = {20, {}};
    options.destinations = rules({"* attempts=9", ".com concurrency=7 rate=100/1min", "big.com retry=1min,2h attempts=5 age=1d"});
    const Routes routes(options);
    CHECK(routes.limits("a@big.com").concurrency == 7);
    CHECK(routes.limits("a@big.com").rate.count == 100);
    CHECK(routes.limits("a@big.com").rate.period == std::chrono::minutes(1));
    CHECK(routes.limits("a@big.org").concurrency == 20);
    const RetryPolicy big = routes.retry("a@big.com");
    CHECK(big.delays == std::vector<std::chrono::seconds>{std::chrono::minutes(1), std::chrono::hours(2)});
    CHECK(big.max_attempts == 5);
    CHECK(big.max_age == std::chrono::hours(24));
    CHECK(routes.retry("a@small.com").max_attempts == 9);
    CHECK(routes.retry("a@small.com").delays == RetryPolicy().delays);
}

TEST_CASE("a rule that says nothing, or something else, is refused") {
    for (const char* wrong : {"", "example.com", "via=x", "example.com via=[mx", "example.com via=mx:99999", "a@b.test via=x", "example.com via=", "example.com speed=9", "example.com concurrency=0",
                              "example.com retry=never", "..test via=x", "example.com rate=0/1h"}) {
        INFO(wrong);
        CHECK_FALSE(config::destination_rule(wrong).ok());
    }
}
