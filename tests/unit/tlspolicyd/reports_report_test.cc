#include "tlspolicyd/reports/report.h"

#include <catch2/catch.hpp>
#include <zlib.h>

#include <set>

using namespace postern;
using namespace postern::tlsrpt;
using ipc::TlsPolicyType;
using ipc::TlsResultType;

namespace {

// 2016-04-01, the day of RFC 8460 appendix B.
constexpr std::int64_t day = 16'892;
const Stretch stretch{1, "company-y.example", day, day * day_seconds, (day + 1) * day_seconds, (day + 1) * day_seconds + 100, 0, {}};
const Reporter reporter{"Company-X", "sts-reporting@company-x.example", "tls-reports@mail.company-x.example"};

std::vector<PolicyResults> example() {
    return {{TlsPolicyType::sts, "1", {"version: STSv1", "mode: testing", "mx: *.mail.company-y.example", "max_age: 86400"}, 5326, 303,
             {{TlsResultType::certificate_expired, "2001:db8:abcd:12::1", "", "mx1.mail.company-y.example", "", 100},
              {TlsResultType::starttls_not_supported, "2001:db8:abcd:13::1", "203.0.113.56", "mx2.mail.company-y.example", "", 200},
              {TlsResultType::validation_failure, "198.51.100.62", "203.0.113.58", "mx-backup.mail.company-y.example",
               "proxy path length constraint exceeded", 3}}}};
}

} // namespace

TEST_CASE("a report is as RFC 8460 appendix B has it") {
    const auto expected = json::parse(R"({
  "organization-name": "Company-X",
  "date-range": {"start-datetime": "2016-04-01T00:00:00Z", "end-datetime": "2016-04-01T23:59:59Z"},
  "contact-info": "sts-reporting@company-x.example",
  "report-id": "1459468800.1459555199.company-y.example@company-x.example",
  "policies": [{
    "policy": {
      "policy-type": "sts",
      "policy-string": ["version: STSv1", "mode: testing", "mx: *.mail.company-y.example", "max_age: 86400"],
      "policy-domain": "company-y.example",
      "mx-host": ["*.mail.company-y.example"]
    },
    "summary": {"total-successful-session-count": 5326, "total-failure-session-count": 303},
    "failure-details": [
      {"result-type": "certificate-expired", "sending-mta-ip": "2001:db8:abcd:12::1",
       "receiving-mx-hostname": "mx1.mail.company-y.example", "failed-session-count": 100},
      {"result-type": "starttls-not-supported", "sending-mta-ip": "2001:db8:abcd:13::1",
       "receiving-mx-hostname": "mx2.mail.company-y.example", "receiving-ip": "203.0.113.56", "failed-session-count": 200},
      {"result-type": "validation-failure", "sending-mta-ip": "198.51.100.62",
       "receiving-mx-hostname": "mx-backup.mail.company-y.example", "receiving-ip": "203.0.113.58", "failed-session-count": 3,
       "failure-reason-code": "proxy path length constraint exceeded"}
    ]
  }]
})");
    REQUIRE(expected.ok());
    CHECK(report_json(reporter, stretch, example()).dump(true) == expected->dump(true));
}

TEST_CASE("what is not known of a policy is left out, TLSA records are quoted") {
    const auto policies = report_json(reporter, stretch, {{TlsPolicyType::no_policy_found, "", {}, 7, 0, {}},
                                                          {TlsPolicyType::sts, "2", {}, 1, 0, {}},
                                                          {TlsPolicyType::tlsa, "", {"3 1 1 ab", "3 1 1 cd"}, 0, 1, {}}})["policies"];
    const auto policy = [&](std::size_t i) { return (*policies.array())[i]["policy"].dump(); };
    CHECK(policy(0) == R"({"policy-type":"no-policy-found","policy-domain":"company-y.example"})");
    CHECK(policy(1) == R"({"policy-type":"sts","policy-domain":"company-y.example"})");
    CHECK(policy(2) == R"({"policy-type":"tlsa","policy-string":["3 1 1 ab","3 1 1 cd"],"policy-domain":"company-y.example"})");
    CHECK((*policies.array())[0]["failure-details"].dump() == "[]");
}

TEST_CASE("a report's file is named as section 5.1 says") {
    CHECK(file_name(reporter, stretch) == "company-x.example!company-y.example!1459468800!1459555199.json.gz");
}

TEST_CASE("compressed is what was written, and the same each time") {
    const std::string text = report_json(reporter, stretch, example()).dump(true), small = gzip(text);
    CHECK(small.starts_with(std::string("\x1f\x8b\x08\x00\x00\x00\x00\x00", 8)));    // RFC 1952, without a time
    CHECK(small == gzip(text));
    CHECK(small.size() < text.size());
    z_stream stream{};
    REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
    std::string back(text.size() + 1, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(small.data()));
    stream.avail_in = static_cast<uInt>(small.size());
    stream.next_out = reinterpret_cast<Bytef*>(back.data());
    stream.avail_out = static_cast<uInt>(back.size());
    CHECK(inflate(&stream, Z_FINISH) == Z_STREAM_END);
    back.resize(stream.total_out);
    inflateEnd(&stream);
    CHECK(back == text);
}

TEST_CASE("reports are spread over the time after their day, always the same") {
    constexpr std::int64_t delay = 4 * 3600, midnight = (day + 1) * day_seconds;
    std::set<std::int64_t> hours;
    for (int i = 0; i < 200; ++i) {
        const std::string domain = "d" + std::to_string(i) + ".example";
        const std::int64_t due = due_time(day, domain, "us.example", delay);
        CHECK(due >= midnight);
        CHECK(due <= midnight + delay);
        CHECK(due == due_time(day, domain, "us.example", delay));
        hours.insert((due - midnight) / 3600);
    }
    CHECK(hours.size() >= 4);
    CHECK(due_time(day, "d.example", "us.example", delay) != due_time(day, "d.example", "them.example", delay));
    CHECK(due_time(day, "d.example", "us.example", 0) == midnight);
}

TEST_CASE("what failed is tried again with growing pauses, for about a day") {
    std::int64_t all = 0;
    for (std::uint32_t tries = 1; tries < max_tries; ++tries) {
        CHECK(pause_after(tries) <= pause_after(tries + 1));
        all += pause_after(tries);
    }
    CHECK(pause_after(1) == 15 * 60);
    CHECK(all > day_seconds * 3 / 4);
    CHECK(all <= day_seconds);
}
