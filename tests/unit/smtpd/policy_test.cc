#include "smtpd/policy.h"

#include <catch2/catch.hpp>

#include <set>

using namespace postern;
using namespace postern::smtpd;
using namespace std::chrono_literals;

TEST_CASE("the domain of a reverse-path, as it is counted") {
    CHECK(domain_of("Ann@Example.ORG") == "example.org");
    CHECK(domain_of("") == "");
    CHECK(domain_of("\"a@b\"@example.org") == "example.org");
    CHECK(domain_of("a@[192.0.2.1]") == "[192.0.2.1]");
    CHECK(domain_of("a@" + std::string(400, 'x')).size() == 255);
}

TEST_CASE("the time left is never nothing, and short to read") {
    CHECK(time_left(0s) == "try again in 1 seconds");
    CHECK(time_left(119s) == "try again in 119 seconds");
    CHECK(time_left(120s) == "try again in 2 minutes");
    CHECK(time_left(3601s) == "try again in 61 minutes");
}

TEST_CASE("each rate has a temporary reply of its own, with its enhanced code") {
    std::set<std::string_view> texts;
    for (int kind = 0; kind <= static_cast<int>(last_enumerator(ipc::RateKind{})); ++kind) {
        const Reply& reply = reply_to_rate(static_cast<ipc::RateKind>(kind));
        CHECK(reply.code >= 400);
        CHECK(reply.code < 500);
        CHECK(reply.status.starts_with("4."));
        CHECK(texts.insert(reply.text).second);
    }
}
