#include "tlspolicyd/reports/message.h"

#include <catch2/catch.hpp>

using namespace postern::tlsrpt;

// What the parts decode to is read by Python's email in tests/integration/test_tls_reports.py.
TEST_CASE("a report by mail is as RFC 8460 section 5.3 has it") {
    const Stretch stretch{1, "example.net", 20'000, 20'000 * day_seconds, 20'001 * day_seconds, 20'001 * day_seconds + 60, 0, {}};
    const Reporter reporter{"Sender", "help@mail.sender.example", "tlsrpt@mail.sender.example"};
    const std::string message = compose_message(reporter, stretch, "reports@example.net", std::string(100, '\xff'));
    for (const std::string_view line : {
             "Date: Sat, 05 Oct 2024 00:01:00 +0000\r\n",
             "From: tlsrpt@mail.sender.example\r\n",
             "To: reports@example.net\r\n",
             "Subject: Report Domain: example.net Submitter: mail.sender.example",
             "Message-ID: <1728000000.1728086399.example.net@mail.sender.example>\r\n",
             "TLS-Report-Domain: example.net\r\n",
             "TLS-Report-Submitter: mail.sender.example\r\n",
             "TLS-Required: No\r\n",
             "Auto-Submitted: auto-generated\r\n",
             "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n",
             "Content-Type: application/tlsrpt+gzip\r\nContent-Transfer-Encoding: base64\r\n",
             "\tfilename=\"mail.sender.example!example.net!1728000000!1728086399.json.gz\"\r\n",
         }) {
        INFO(line);
        CHECK(message.find(line) != std::string::npos);
    }
    CHECK(message == compose_message(reporter, stretch, "reports@example.net", std::string(100, '\xff')));
    CHECK(message.find_first_of(std::string("\0\x80\xff", 3)) == std::string::npos);
}

TEST_CASE("the longest domain makes no line that is too long (RFC 5321 section 4.5.3.1.6)") {
    std::string domain;
    while (domain.size() < 253) domain += domain.size() % 64 == 63 ? '.' : 'd';
    const Stretch stretch{1, domain, 20'000, 20'000 * day_seconds, 20'001 * day_seconds, 20'001 * day_seconds + 60, 0, {}};
    const std::string message = compose_message({"Sender", "help@" + domain, "tlsrpt@" + domain}, stretch, "reports@" + domain, std::string(1000, 'x'));
    std::size_t longest = 0;
    for (std::size_t begin = 0, end = 0; (end = message.find("\r\n", begin)) != std::string::npos; begin = end + 2)
        longest = std::max(longest, end - begin);
    CHECK(longest <= 998);
}
