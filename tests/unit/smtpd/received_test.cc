#include "smtpd/received.h"

#include <catch2/catch.hpp>

using namespace postern::smtpd;

TEST_CASE("a Received line says how the message came") {
    TraceFacts facts{.helo = "client.example", .client = "192.0.2.1", .hostname = "mx.example.org", .extended = true,
                     .tls_version = "TLSv1.3", .tls_cipher = "TLS_AES_256_GCM_SHA384",
                     .only_recipient = "ann@example.org", .now = 1795249200};
    TraceLines lines = trace_lines(facts);
    CHECK(lines.head == "Received: from client.example ([192.0.2.1])\r\n\tby mx.example.org with ESMTPS id ");
    CHECK(lines.tail == "\r\n\t(TLSv1.3 TLS_AES_256_GCM_SHA384)\r\n\tfor <ann@example.org>;\r\n\t"
                        "Sat, 21 Nov 2026 08:20:00 +0000\r\n");
}

TEST_CASE("the protocol keyword follows RFC 3848") {
    struct Case { bool extended, authenticated; std::string_view tls, expect; };
    for (const Case& c : {Case{false, false, "", "with SMTP id"}, Case{true, false, "", "with ESMTP id"},
                          Case{true, false, "TLSv1.3", "with ESMTPS id"}, Case{true, true, "TLSv1.3", "with ESMTPSA id"}}) {
        TraceFacts facts;
        facts.extended = c.extended;
        facts.authenticated = c.authenticated;
        facts.tls_version = c.tls;
        CHECK(trace_lines(facts).head.find(c.expect) != std::string::npos);
    }
}

TEST_CASE("the protocol keyword of an internationalized message follows RFC 6531") {
    struct Case { bool authenticated; std::string_view tls, expect; };
    for (const Case& c : {Case{false, "", "with UTF8SMTP id"}, Case{true, "", "with UTF8SMTPA id"},
                          Case{false, "TLSv1.3", "with UTF8SMTPS id"}, Case{true, "TLSv1.3", "with UTF8SMTPSA id"}}) {
        TraceFacts facts;
        facts.extended = facts.smtputf8 = true;
        facts.authenticated = c.authenticated;
        facts.tls_version = c.tls;
        CHECK(trace_lines(facts).head.find(c.expect) != std::string::npos);
    }
}

TEST_CASE("what a client calls itself cannot leave its place in the header") {
    TraceFacts facts;
    facts.helo = "a (b) c;<d>\r\nX: y";
    facts.client = "2001:db8::1";
    CHECK(trace_lines(facts).head.starts_with("Received: from a??b??c??d???X:?y ([IPv6:2001:db8::1])\r\n"));
}

TEST_CASE("where a user writes from need not be told") {
    TraceFacts facts{.helo = "laptop", .client = "192.0.2.1", .hostname = "mx.example.org", .extended = true, .authenticated = true,
                     .hides_client = true, .tls_version = "TLSv1.3", .tls_cipher = "x", .only_recipient = {}};
    CHECK(trace_lines(facts).head == "Received: from mx.example.org (an authenticated user)\r\n\tby mx.example.org with ESMTPSA id ");
    facts.hides_client = false;
    CHECK(trace_lines(facts).head == "Received: from laptop ([192.0.2.1])\r\n\tby mx.example.org with ESMTPSA id ");
}

TEST_CASE("dates") {
    CHECK(date_time(0) == "Thu, 1 Jan 1970 00:00:00 +0000");
    CHECK(date_time(951782399) == "Mon, 28 Feb 2000 23:59:59 +0000");
    CHECK(date_time(951782400) == "Tue, 29 Feb 2000 00:00:00 +0000");
}
