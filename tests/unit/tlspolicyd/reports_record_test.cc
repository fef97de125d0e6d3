#include "tlspolicyd/reports/record.h"

#include <catch2/catch.hpp>

using namespace postern::tlsrpt;

namespace {

// "mailto:a@b.example" by mail is "<a@b.example>", by HTTPS the URI.
std::string shown(const std::optional<std::vector<Target>>& targets) {
    if (!targets) return "none";
    std::string out;
    for (const Target& target : *targets) out += (out.empty() ? "" : " ") + (target.mailbox.empty() ? target.uri : "<" + target.mailbox + ">");
    return out;
}

struct Case {
    std::string_view record, expect;
};
constexpr Case cases[] = {
    {"v=TLSRPTv1;rua=mailto:reports@example.com", "<reports@example.com>"},          // section 3.1.1
    {"v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt", "https://reporting.example.com/v1/tlsrpt"},
    {"v=TLSRPTv1; rua=mailto:a@x.example,https://x.example/r ;", "<a@x.example> https://x.example/r"},
    {"v=TLSRPTv1; rua=mailto:a@x.example , mailto:b@x.example", "<a@x.example> <b@x.example>"},
    {"v=TLSRPTv1 ; rua=mailto:a@x.example", "<a@x.example>"},
    {"v=TLSRPTv1; rua=mailto:a@x.example; rua=mailto:b@x.example", "<a@x.example> <b@x.example>"},
    {"v=TLSRPTv1; rua=mailto:a@x.example,mailto:a@x.example", "<a@x.example>"},
    {"v=TLSRPTv1; rua=mailto:a%2Cb@x.example", "none"},                              // decoded: no address
    {"v=TLSRPTv1; rua=mailto:a%40x.example", "<a@x.example>"},
    {"v=TLSRPTv1; rua=mailto:a@x.example?subject=tls", "<a@x.example>"},             // RFC 6068
    {"v=TLSRPTv1; rua=MAILTO:a@x.example,HTTPS://x.example/", "<a@x.example> HTTPS://x.example/"},
    {"v=TLSRPTv1; x-new=1; rua=mailto:a@x.example; other=yes", "<a@x.example>"},     // extensions
    {"v=TLSRPTv1; rua=ftp://x.example/,mailto:a@x.example", "<a@x.example>"},        // what we cannot do is passed over
    {"v=TLSRPTv1; rua=http://x.example/", "none"},
    {"v=TLSRPTv1; rua=https://", "none"},
    {"v=TLSRPTv1; rua=mailto:", "none"},
    {"v=TLSRPTv1; rua=mailto:a@[192.0.2.1]", "none"},
    {"v=TLSRPTv1; rua=mailto:a@x.example!10m", "none"},                              // of DMARC; here it must be %21
    {"v=TLSRPTv1; rua=mailto:%", "none"},
    {"v=TLSRPTv1; rua=mailto:%zz@x.example", "none"},
    {"v=TLSRPTv1; rua=mailto:j%C3%BCrg@x.example", "none"},
    {"v=TLSRPTv1; rua=mailto:a@x.example%0D%0ABcc:%20v@y.example", "none"},          // no address, and no header
    {"v=TLSRPTv1; rua=https://x.example/a b", "none"},
    {"v=TLSRPTv1; RUA=mailto:a@x.example", "none"},                                  // names mind their case: an extension
    {"v=TLSRPTv1; rua", "none"},
    {"v=TLSRPTv1; a b=c; rua=mailto:a@x.example", "none"},
    {"v=TLSRPTv1; a=b=c; rua=mailto:a@x.example", "none"},
    {"v=TLSRPTv1;; rua=mailto:a@x.example", "none"},
    {"v=TLSRPTv1", "none"},
    {"v=TLSRPTv1;", "none"},
    {"v=TLSRPTv2; rua=mailto:a@x.example", "none"},
    {"v=tlsrptv1; rua=mailto:a@x.example", "none"},
    {" v=TLSRPTv1; rua=mailto:a@x.example", "none"},
    {"rua=mailto:a@x.example", "none"},
    {"", "none"},
};

} // namespace

TEST_CASE("records that ask for reports") {
    for (const Case& c : cases) {
        INFO(c.record);
        CHECK(shown(parse_record(c.record)) == c.expect);
    }
}

TEST_CASE("of all texts at the name exactly one is the record") {
    constexpr std::string_view good = "v=TLSRPTv1; rua=mailto:a@x.example", other = "v=TLSRPTv1; rua=mailto:b@x.example", broken = "v=TLSRPTv1; rua";
    CHECK(shown(choose_record({})) == "none");
    CHECK(shown(choose_record({good})) == "<a@x.example>");
    CHECK(shown(choose_record({"something else", good, "v=TLSRPTv10; x=y"})) == "<a@x.example>");
    CHECK(shown(choose_record({good, other})) == "none");
    CHECK(shown(choose_record({good, good})) == "none");
    CHECK(shown(choose_record({good, broken})) == "none");
}

TEST_CASE("a record leads to a bounded number of places") {
    std::string record = "v=TLSRPTv1; rua=mailto:a0@x.example";
    for (int i = 1; i < 50; ++i) record += ",mailto:a" + std::to_string(i) + "@x.example";
    CHECK(parse_record(record)->size() == max_targets);
    CHECK_FALSE(parse_record("v=TLSRPTv1; rua=https://x.example/" + std::string(max_uri, 'a')));
    std::string domain = "x";
    while (domain.size() < 250) domain += domain.size() % 60 == 59 ? ".d" : "d";
    std::string quoted;
    for (int i = 0; i < 60; ++i) quoted += "%5C%22";
    CHECK(parse_target("mailto:a@" + domain));
    CHECK_FALSE(parse_target("mailto:%22" + quoted + "%22@" + domain));      // an address that is longer than any may be
}
