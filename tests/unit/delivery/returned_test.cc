// Reports of other hosts, as they come back.
#include "delivery/local/returned.h"

#include <catch2/catch.hpp>
#include <sys/mman.h>
#include <unistd.h>

using namespace postern;
using namespace postern::local;

namespace {

const std::string id = QueueId{7, 8, 9}.text();

std::string report(std::string_view type = "delivery-status", std::string_view returned = "message/rfc822") {
    return "From: MAILER-DAEMON@mx.example\r\nContent-Type: multipart/report; report-type=\"" + std::string(type) + "\";\r\n boundary=b\r\n\r\n"
           "--b\r\n\r\nfor people\r\n"
           "--b\r\nContent-Type: message/delivery-status\r\n\r\n"
           "Reporting-MTA: dns; mx.example\r\nOriginal-Envelope-Id: e1\r\n\r\n"
           "Final-Recipient: rfc822;\r\n bob@b.example\r\nAction: Failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1\r\n no such user\r\n\r\n"
           "Original-Recipient: rfc822;eve@b.example\r\nAction: delayed\r\nStatus: 4.2.1\r\n\r\n"
           "--b\r\nContent-Type: " + std::string(returned) + "\r\n\r\n"
           "Received: from our.host by mx.example with ESMTPS id 4711;\r\n\tnow\r\n"
           "Received: from [127.0.0.1]\r\n\tby our.host with ESMTPSA id " + id + "\r\n\tfor <bob@b.example>; then\r\n"
           "Message-ID: <m1@our.host>\r\nSubject: x\r\n\r\nbody\r\n--b--\r\n";
}

} // namespace

TEST_CASE("a report says who, what and about which message") {
    const auto returned = GENERATE("message/rfc822", "text/rfc822-headers", "message/global");
    const auto read = mail::read_report(report("delivery-status", returned));
    REQUIRE(read);
    CHECK(read->reporting_mta == "mx.example");
    CHECK(read->envelope_id == "e1");
    REQUIRE(read->recipients.size() == 2);
    CHECK(read->recipients[0].address == "bob@b.example");
    CHECK(read->recipients[0].action == "failed");
    CHECK(read->recipients[0].status == "5.1.1");
    CHECK(read->recipients[0].diagnostic == "550 5.1.1 no such user");
    CHECK(read->recipients[1].address == "eve@b.example");
    CHECK(read->message_id == "<m1@our.host>");
    CHECK(queue_id_of(*read, "our.host") == QueueId{7, 8, 9});
    CHECK_FALSE(queue_id_of(*read, "mx.example"));             // its id is none of ours
    CHECK_FALSE(queue_id_of(*read, "other.host"));
}

TEST_CASE("what is no delivery report is none") {
    CHECK_FALSE(mail::read_report(""));
    CHECK_FALSE(mail::read_report("Subject: x\r\n\r\nFinal-Recipient: rfc822; a@b\r\n"));
    CHECK_FALSE(mail::read_report(report("disposition-notification")));
}

TEST_CASE("a report with more recipients than there are bounds the list") {
    std::string many = "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
                       "Reporting-MTA: dns; x\r\n";
    for (int i = 0; i < 5000; ++i) many += "\r\nFinal-Recipient: rfc822; a@b\r\nAction: failed\r\n";
    const auto read = mail::read_report(many + "\r\n--b--\r\n");
    REQUIRE(read);
    CHECK(read->recipients.size() == mail::ReceivedReport::max_recipients);
}

TEST_CASE("policyd hears of addresses that refuse mail, where the message is one of ours") {
    ipc::Deliver message;
    message.body = report();
    const auto told = tell_returned(message, Fd(), "our.host");
    REQUIRE(told.notes.size() == 1);                           // the other is only delayed
    CHECK(told.notes.items[0].id == QueueId{7, 8, 9});
    CHECK(told.notes.items[0].address.view() == "bob@b.example");
    CHECK(told.notes.items[0].refused);
    CHECK(told.notes.items[0].code.view() == "5.1.1");
    CHECK(told.notes.items[0].host.view() == "mx.example");
    CHECK(tell_returned(message, Fd(), "other.host").notes.empty());
    Fd file(::memfd_create("body", MFD_CLOEXEC));
    const std::string large = report() + std::string(1024 * 1024, 'x');
    REQUIRE(::write(file.get(), large.data(), large.size()) == static_cast<ssize_t>(large.size()));
    ipc::Deliver over_the_limit;
    over_the_limit.large = true;
    CHECK(tell_returned(over_the_limit, file, "our.host").notes.size() == 1);
    message.reverse_path = "ann@a.example";                    // a person's letter, whatever its type
    CHECK(tell_returned(message, Fd(), "our.host").notes.empty());
}
