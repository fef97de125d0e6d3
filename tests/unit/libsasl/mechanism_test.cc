#include "libsasl/mechanism.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::sasl;

TEST_CASE("What is offered depends on TLS, a channel binding and the opt-in") {
    struct Case { Conditions conditions; std::string_view names; };
    constexpr Case cases[] = {
        {{.tls = false, .binding = false, .cram_md5 = false}, ""},
        {{.tls = false, .binding = true, .cram_md5 = true}, ""},
        {{.tls = true, .binding = false, .cram_md5 = false}, " SCRAM-SHA-256 PLAIN LOGIN"},
        {{.tls = true, .binding = true, .cram_md5 = false}, " SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN"},
        {{.tls = true, .binding = true, .cram_md5 = true}, " SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN CRAM-MD5"},
    };
    for (const Case& c : cases) {
        INFO(c.names);
        CHECK(offer(c.conditions) == c.names);
        for (const Mechanism& row : mechanisms())
            CHECK((find(row.name, c.conditions) != nullptr) == is_offered(row, c.conditions));
    }
    CHECK(offer({.tls = true, .binding = false, .cram_md5 = false}, "AUTH=") == " AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN");
}

TEST_CASE("Mechanisms are found in any case, and only by their whole name") {
    const Conditions all{true, true, true};
    REQUIRE(find("scram-sha-256", all));
    CHECK(find("scram-sha-256", all)->id == ipc::SaslMechanism::scram_sha_256);
    for (std::string_view name : {"", "SCRAM", "PLAINX", "PLAI", "GSSAPI", "SCRAM-SHA-1"}) CHECK_FALSE(find(name, all));
    for (const Mechanism& row : mechanisms()) CHECK(name_of(row.id) == row.name);
}
