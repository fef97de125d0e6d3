#include "tlspolicyd/sts/policy.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::sts;

namespace {

std::string shown(std::string_view text) {
    const auto policy = parse_policy(text);
    if (!policy) return "! " + policy.error().message();
    std::string line(to_string(policy->mode));
    for (const std::string& mx : policy->mx) line += " " + mx;
    return line + " " + std::to_string(policy->max_age);
}

} // namespace

TEST_CASE("policies: RFC 8461 section 3.2") {
    struct Case {
        std::string text, expect;
    };
    const Case cases[] = {
        {"version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n",
         "enforce mail.example.com *.example.net backupmx.example.com 604800"},
        {"version: STSv1\nmode: testing\nmx: a.example\nmax_age: 1\n", "testing a.example 1"},
        {"max_age:1\nmx:a.example\nmode:testing\nversion:STSv1", "testing a.example 1"},
        {"version: STSv1 \t\nmode:\tnone  \nmax_age: 0\n", "none 0"},
        {"version: STSv1\nmode: none\nmode: enforce\nmax_age: 5\nmax_age: x\n", "none 5"},       // the first counts
        {"version: STSv1\nmode: enforce\nmx: A.Example.\nfuture: whatever; it = is\nmax_age: 5\n", "enforce a.example 5"},
        {"version: STSv1\nmode: none\nmax_age: 9999999999\n", "none 31557600"},
        {"version: STSv1\n\nmode: none\nmax_age: 5\n\n", "none 5"},
        {"", "! no version"},
        {"mode: none\nmax_age: 5\n", "! no version"},
        {"version: STSv2\nmode: none\nmax_age: 5\n", "! another version"},
        {"version: STSv1\nmax_age: 5\n", "! no mode"},
        {"version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 5\n", "! a mode that does not exist"},
        {"version: STSv1\nmode: enforce\nmax_age: 5\n", "! no mx"},
        {"version: STSv1\nmode: testing\nmax_age: 5\n", "! no mx"},
        {"version: STSv1\nmode: none\n", "! no max_age"},
        {"version: STSv1\nmode: none\nmax_age: -1\n", "! a max_age that is no number"},
        {"version: STSv1\nmode: none\nmax_age: 12345678901\n", "! a max_age that is no number"},
        {"version: STSv1\nmode: none\nmax_age:\n", "! a max_age that is no number"},
        {"version: STSv1\nmode: enforce\nmx: a..example\nmax_age: 5\n", "! an mx that is no host name"},
        {"version: STSv1\nmode: enforce\nmx: *\nmax_age: 5\n", "! an mx that is no host name"},
        {"version: STSv1\nmode: enforce\nmx: *.*.example\nmax_age: 5\n", "! an mx that is no host name"},
        {"version: STSv1\nmode: enforce\nmx: mail*.example\nmax_age: 5\n", "! an mx that is no host name"},
        {"version: STSv1\nmode: enforce\nmx: b\xc3\xbc.example\nmax_age: 5\n", "! an mx that is no host name"},
        {"version: STSv1\nhello\n", "! a line without a colon"},
        {"<html>\n", "! a line without a colon"},
    };
    for (const Case& c : cases) {
        INFO(c.text);
        CHECK(shown(c.text) == c.expect);
    }
}

TEST_CASE("a policy has a bounded number of hosts") {
    std::string text = "version: STSv1\nmode: enforce\nmax_age: 5\n";
    for (std::size_t i = 0; i < ipc::max_mx_patterns; ++i) text += "mx: a.example\n";
    CHECK(parse_policy(text).ok());
    CHECK_FALSE(parse_policy(text + "mx: a.example\n").ok());
}

TEST_CASE("a policy is quoted as it can be read again") {
    const auto policy = parse_policy("version: STSv1\nmode: enforce\nmx: *.example.net\nmx: a.example\nmax_age: 77\nx: y\n");
    REQUIRE(policy);
    std::string text;
    for (const std::string& line : lines_of(*policy)) text += line + "\r\n";
    CHECK(text == "version: STSv1\r\nmode: enforce\r\nmx: *.example.net\r\nmx: a.example\r\nmax_age: 77\r\n");
    CHECK(*parse_policy(text) == *policy);
}

TEST_CASE("what a policy must be served as") {
    for (const std::string_view type : {"text/plain", "Text/Plain", "text/plain;charset=utf-8", "text/plain ; charset=us-ascii"}) CHECK(is_plain_text(type));
    for (const std::string_view type : {"", "text/html", "text/plainx", "application/octet-stream", "text/html; text/plain"}) CHECK_FALSE(is_plain_text(type));
}
