#include "config/schema.h"
#include "config/value.h"
#include "policyd/decide/rates.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::policy;
using namespace std::chrono_literals;
using Kind = ipc::RateKind;

namespace {

constexpr Windows::Time start{1000h};

Rates rates_of(std::vector<std::pair<std::string, std::string>> set) {
    Config config;
    for (const Rule& rule : rules()) config.set(std::string(rule.option), "0/1000");
    for (auto& [key, value] : set) config.set("policy." + key, *config::parse_value(*config::find_option("policy." + key), value));
    return Rates(config, 1000);
}
const Use message_in{"192.0.2.1", 0, "example.com", false, true, true};
const Use recipient_in{"192.0.2.1", 0, "example.com", false, false, true};
const Use message_out{"192.0.2.1", 7, "example.org", false, true, true};

} // namespace

TEST_CASE("each rule has an option that is a rate, and stands at its kind") {
    for (std::size_t i = 0; i < rules().size(); ++i) {
        INFO(rules()[i].option);
        CHECK(static_cast<std::size_t>(rules()[i].kind) == i);
        REQUIRE(config::find_option(rules()[i].option));
        CHECK(config::find_option(rules()[i].option)->kind == config::Kind::rate);
    }
}

TEST_CASE("each rate counts what it names and nothing else") {
    struct Case { std::string option; Use use; std::string subject; };
    const Use connect{"192.0.2.1", 0, "", true, false, false};
    const Case cases[] = {
        {"client_connections", connect, "192.0.2.1"},
        {"client_messages", message_in, "192.0.2.1"},
        {"client_recipients", recipient_in, "192.0.2.1"},
        {"account_messages", message_out, "7"},
        {"account_recipients", message_out, "7"},
        {"sender_domain_messages", message_in, "example.com"},
        {"sender_domain_recipients", recipient_in, "example.com"},
        {"own_domain_messages", message_out, "example.org"},
        {"own_domain_recipients", message_out, "example.org"},
    };
    REQUIRE(std::size(cases) == rules().size());
    for (std::size_t i = 0; i < std::size(cases); ++i) {
        const Case& c = cases[i];
        INFO(c.option);
        Rates rates = rates_of({{c.option, "3/1h"}});
        for (int n = 0; n < 3; ++n) CHECK_FALSE(rates.take(c.use, start));
        const auto limited = rates.take(c.use, start);
        REQUIRE(limited);
        CHECK(limited->kind == static_cast<Kind>(i));
        CHECK(limited->subject == c.subject);
        CHECK(limited->retry_after > 1h);
        CHECK(limited->retry_after <= 2h);
        Use another = c.use;
        another.client = "192.0.2.2";
        another.account = c.use.account == 0 ? 0 : 8;
        another.domain = "elsewhere.example";
        CHECK_FALSE(rates.take(another, start));
        CHECK_FALSE(rates.take(c.use, start + 2h));
    }
}

TEST_CASE("what one rate refuses is not counted by the others") {
    Rates rates = rates_of({{"client_messages", "1/1h"}, {"client_recipients", "5/1h"}});
    CHECK_FALSE(rates.take(message_in, start));
    for (int n = 0; n < 10; ++n) CHECK(rates.take(message_in, start)->kind == Kind::client_messages);
    for (int n = 0; n < 4; ++n) CHECK_FALSE(rates.take(recipient_in, start));
    CHECK(rates.take(recipient_in, start)->kind == Kind::client_recipients);
}

TEST_CASE("who logged in is counted by account, the null reverse-path by no domain") {
    Rates rates = rates_of({{"client_messages", "1/1h"}, {"sender_domain_messages", "1/1h"}, {"client_recipients", "9/1h"}});
    for (int n = 0; n < 5; ++n) CHECK_FALSE(rates.take(message_out, start));
    Use bounce = recipient_in;
    bounce.domain.clear();
    bounce.client = "192.0.2.7";
    for (int n = 0; n < 5; ++n) CHECK_FALSE(rates.take(bounce, start));
}
