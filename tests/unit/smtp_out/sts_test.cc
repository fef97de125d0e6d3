#include "delivery/smtp/sts.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::smtp_out;

TEST_CASE("which hosts a pattern covers: RFC 8461 section 4.1") {
    struct Case {
        std::string_view pattern, host;
        bool covers;
    };
    const Case cases[] = {
        {"mail.example.com", "mail.example.com", true},  {"mail.example.com", "MAIL.Example.com", true},
        {"mail.example.com", "example.com", false},      {"mail.example.com", "a.mail.example.com", false},
        {"*.example.com", "mail.example.com", true},     {"*.example.com", "Mail.EXAMPLE.com", true},
        {"*.example.com", "a.mail.example.com", false},  {"*.example.com", "example.com", false},
        {"*.example.com", ".example.com", false},        {"*.example.com", "mailexample.com", false},
        {"*.example.com", "mail.example.com.evil.test", false}, {"*.com", "example.com", true},
        {"", "mail.example.com", false},                 {"*.", "mail", false},
        {"*.example.com", "*.example.com", true},        {"example.com", "example.com.", false},
    };
    for (const Case& c : cases) {
        INFO(c.pattern << " " << c.host);
        CHECK(covers(c.pattern, c.host) == c.covers);
    }
}

TEST_CASE("what a policy says of a host") {
    ipc::TlsPolicy policy;
    policy.known = true;
    policy.mode = ipc::StsMode::enforce;
    policy.id = "7";
    policy.mx = {{"mx.example.com", "*.example.net"}};
    CHECK(sts_finding(policy, "mx.example.com").listed);
    CHECK(sts_finding(policy, "a.example.net").listed);
    CHECK_FALSE(sts_finding(policy, "a.example.com").listed);
    CHECK(sts_finding(policy, "a.example.com").id == "7");
    CHECK_FALSE(sts_finding({}, "mx.example.com").listed);
}
