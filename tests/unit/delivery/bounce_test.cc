#include "delivery/bounce/compose.h"
#include "delivery/bounce/part.h"
#include "delivery/bounce/wording.h"
#include "libmail/headers.h"
#include "libmail/mime.h"
#include "tests/unit/delivery/report.h"

#include <catch2/catch.hpp>

#include <cstdio>
#include <memory>
#include <unistd.h>

using namespace postern;
using namespace postern::bounce;
using postern::testing::failed_recipient;
using postern::testing::failure_report;

namespace {

const Options options{.hostname = "mx.lab.test", .max_returned = 50 * 1024};

std::string composed(const ipc::ComposeReport& request, const Options& with = options) {
    const auto original = read_original(request, -1, with.max_returned);
    REQUIRE(original.ok());
    ipc::ComposedReport report = compose(request, *original, with);
    REQUIRE(report.composed);
    return report.message.value;
}

struct Parts {
    std::string message;
    std::vector<std::string> types, bodies, encodings;
};
Parts take_apart(std::string message) {
    Parts parts{std::move(message), {}, {}, {}};
    const mail::Structure structure = mail::parse_structure(parts.message);
    for (auto at = structure.root().first_child; at != mail::no_part; at = structure.parts[at].next_sibling) {
        const mail::Part& part = structure.parts[at];
        parts.types.emplace_back(mail::unfold(part.content_type));
        parts.encodings.emplace_back(mail::unfold(part.encoding));
        parts.bodies.emplace_back(structure.body(part));
    }
    REQUIRE(parts.types.size() == 3);
    return parts;
}
Parts parts_of(const ipc::ComposeReport& request) { return take_apart(composed(request)); }

std::string field(const std::string& header, std::string_view name) {
    const auto found = mail::find_field(header, name);
    return found ? mail::unfold(found->body) : "";
}
// The human part as one line: where it is broken is no promise.
std::string words(const Parts& parts) {
    std::string text = parts.bodies[0];
    for (auto at = text.find("\r\n"); at != std::string::npos; at = text.find("\r\n", at)) text.replace(at, 2, " ");
    return text;
}
bool has(const std::string& text, std::string_view piece) { return text.find(piece) != std::string::npos; }

} // namespace

TEST_CASE("a failure is told in words, in fields, and with the message") {
    const Parts parts = parts_of(failure_report());
    CHECK(field(parts.message, "From") == "Mail Delivery System <MAILER-DAEMON@mx.lab.test>");
    CHECK(field(parts.message, "To") == "ann@lab.test");
    CHECK(field(parts.message, "Subject") == "Your message could not be delivered");
    CHECK(field(parts.message, "Auto-Submitted") == "auto-replied");
    CHECK(field(parts.message, "Date") == "Sat, 21 Nov 2026 09:00:00 +0000");
    CHECK(field(parts.message, "In-Reply-To") == "<1@lab.test>");
    CHECK(field(parts.message, "Content-Type").starts_with("multipart/report; report-type=delivery-status;"));
    CHECK(parts.types == std::vector<std::string>{"text/plain; charset=us-ascii", "message/delivery-status", "message/rfc822"});
    CHECK(has(parts.bodies[0], "Your message of Sat, 21 Nov 2026 08:40:00 +0000"));
    CHECK(has(parts.bodies[0], "The server mx.elsewhere.example said: 550 5.1.1 no such user\r\n"));
    CHECK(has(parts.bodies[0], "There is no such address."));
    CHECK(parts.bodies[1] == "Reporting-MTA: dns; mx.lab.test\r\nArrival-Date: Sat, 21 Nov 2026 08:40:00 +0000\r\n\r\n"
                             "Final-Recipient: rfc822; bob@elsewhere.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
                             "Remote-MTA: dns; mx.elsewhere.example\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
                             "Last-Attempt-Date: Sat, 21 Nov 2026 09:00:00 +0000\r\n");
    CHECK(parts.bodies[2].starts_with("Received: from host"));
    CHECK(has(parts.bodies[2], "\r\n\r\nHello.\r\n"));
}

TEST_CASE("a repeated request gives the same bytes; another report about the message is another message") {
    auto request = failure_report();
    const std::string first = composed(request);
    CHECK(composed(request) == first);
    request.recipients.items[0].forward_path = request.recipients.items[0].address = "eve@elsewhere.example";
    const std::string other_recipient = composed(request);
    CHECK(field(first, "Message-ID").starts_with("<" + request.id.text() + ".failed."));
    CHECK(field(first, "Message-ID") != field(other_recipient, "Message-ID"));
    request.recipients.items[0].action = ipc::ReportAction::delayed;
    CHECK(field(composed(request), "Message-ID").starts_with("<" + request.id.text() + ".delayed."));
}

TEST_CASE("a delay says that nothing need be done, and until when it is tried") {
    auto request = failure_report();
    auto& r = request.recipients.items[0];
    r.action = ipc::ReportAction::delayed;
    r.status = "4.4.1";
    r.retry_until = 1'795'682'400;
    const Parts parts = parts_of(request);
    CHECK(field(parts.message, "Subject") == "Your message is delayed");
    CHECK(has(parts.bodies[0], "You need not do anything"));
    CHECK(has(parts.bodies[0], "It is tried until Thu, 26 Nov 2026 08:40:00 +0000."));
    CHECK(has(parts.bodies[1], "Action: delayed\r\nStatus: 4.4.1\r\n"));
    CHECK(has(parts.bodies[1], "Will-Retry-Until: Thu, 26 Nov 2026 08:40:00 +0000\r\n"));
    CHECK(parts.types[2] == "text/rfc822-headers");      // RFC 3461 section 4.3: the message comes back with failures only
    CHECK_FALSE(has(parts.bodies[2], "Hello"));
}

TEST_CASE("success, relaying and expansion are told apart") {
    auto request = failure_report();
    using enum ipc::ReportAction;
    for (const auto action : {delivered, relayed, expanded}) {
        auto& r = request.recipients.items[0];
        r.action = action;
        r.status = "2.1.5";
        const Parts parts = parts_of(request);
        CHECK(field(parts.message, "Subject") == "Your message was delivered");
        CHECK(has(parts.bodies[1], "Action: " + std::string(to_string(action)) + "\r\nStatus: 2.1.5\r\n"));
        CHECK_FALSE(has(parts.bodies[1], "Diagnostic-Code"));
        CHECK(parts.types[2] == "text/rfc822-headers");
    }
}

TEST_CASE("RET and size decide how much comes back") {
    auto request = failure_report();
    request.ret = ipc::DsnReturn::headers;
    CHECK(parts_of(request).types[2] == "text/rfc822-headers");
    request.ret = ipc::DsnReturn::full;
    CHECK(parts_of(request).types[2] == "message/rfc822");
    for (std::size_t size = request.body.view().size(); size < 51 * 1024; size += 68) request.body.value += std::string(66, 'x') + "\r\n";
    const Parts parts = parts_of(request);
    CHECK(parts.types[2] == "text/rfc822-headers");
    CHECK(has(words(parts), "the third is the header of the message."));
}

TEST_CASE("of a large body no more is read than is used") {
    auto request = failure_report();
    const std::string body = request.body.value;
    request.large = true;
    request.body = "";
    std::unique_ptr<FILE, int (*)(FILE*)> file(std::tmpfile(), std::fclose);
    REQUIRE(file);
    const int fd = ::fileno(file.get());
    REQUIRE(::write(fd, body.data(), body.size()) == static_cast<ssize_t>(body.size()));
    const auto small = read_original(request, fd, options.max_returned);
    REQUIRE(small.ok());
    CHECK(small->message == request.trace_header.value + body);
    REQUIRE(::ftruncate(fd, 1'000'000'000) == 0);        // a hole: reading it all would take a while, and memory
    const auto large = read_original(request, fd, options.max_returned);
    REQUIRE(large.ok());
    CHECK(large->message.empty());
    CHECK(large->size == request.trace_header.view().size() + 1'000'000'000);
    CHECK(has(large->header, "Subject: greetings\r\n"));
    CHECK_FALSE(read_original(request, -1, options.max_returned).ok());
}

TEST_CASE("what may not travel as it is comes back as a header that may") {
    auto request = failure_report();
    SECTION("eight bits in a body are 8bit") {
        request.body.value += "caf\xC3\xA9\r\n";
        const Parts parts = parts_of(request);
        CHECK(parts.types[2] == "message/rfc822");
        CHECK(parts.encodings == std::vector<std::string>{"", "", "8bit"});
        CHECK(compose(request, *read_original(request, -1, 50000), options).body_kind == ipc::BodyKind::eight_bit);
    }
    SECTION("binary, and lines too long, do not fit into message/rfc822") {
        request.body.value += GENERATE(std::string(1, '\0'), std::string("a\rb"), std::string("a\nb"), std::string(999, 'x'));
        request.body.value += "\r\n";
        CHECK(parts_of(request).types[2] == "text/rfc822-headers");
    }
    SECTION("a broken header goes back as bytes") {
        request.body = "no field\r\nSubject: caf\xE9\r\nX-Long: " + std::string(2000, 'y') + "\r\n\r\nHello.\r\n" + std::string(1000, 'z');
        const Parts parts = parts_of(request);
        CHECK(parts.types[2] == "text/rfc822-headers");
        CHECK(parts.encodings[2] == "quoted-printable");
        CHECK(has(parts.bodies[2], "no field\r\nSubject: caf=E9\r\n"));
        CHECK(compose(request, *read_original(request, -1, 50000), options).body_kind == ipc::BodyKind::seven_bit);
    }
    SECTION("a long header is cut at a line end") {
        request.body = "";
        while (request.body.view().size() < max_header + 1000) request.body.value += "X-Filler: " + std::string(60, 'f') + "\r\n";
        request.body.value += "\r\n" + std::string(60000, 'z');
        const Parts parts = parts_of(request);
        CHECK(parts.bodies[2].size() <= max_header);
        CHECK(parts.bodies[2].ends_with(std::string(60, 'f') + "\r\n"));
        CHECK(has(words(parts), "the third is the beginning of the header of the message."));
    }
}

TEST_CASE("nobody's words begin a field, a part or another message") {
    auto request = failure_report();
    auto& r = request.recipients.items[0];
    const std::string bad = "x\r\nBcc: eve@evil.test\r\n\r\n--boundary";
    r.diagnostic = "550 " + bad;
    r.remote_mta = bad;
    r.original = "rfc822;" + bad;
    r.forward_path = bad;
    r.status = "5\r\nX: y";
    request.envelope_id = bad;
    request.to = bad;
    request.body = "Message-ID: <a\r\n\tb> " + bad + "\r\nSubject: s\r\n\r\nbody\r\n";
    const Parts parts = parts_of(request);
    CHECK(field(parts.message, "Bcc").empty());
    CHECK(field(parts.message, "References").empty());
    CHECK(field(parts.bodies[1], "Bcc").empty());
    CHECK(has(parts.bodies[1], "Status: 5.0.0\r\n"));
    CHECK(has(parts.bodies[1], "Original-Envelope-Id: x  Bcc: eve@evil.test    --boundary\r\n"));
}

TEST_CASE("a message that foresees its boundary changes it") {
    auto request = failure_report();
    const std::string first = composed(request);
    const auto at = first.find("boundary=\"") + 10;
    const std::string boundary = first.substr(at, first.find('"', at) - at);
    request.body.value += "--" + boundary + "\r\nContent-Type: text/html\r\n\r\n<b>not ours</b>\r\n--" + boundary + "--\r\n";
    const Parts parts = parts_of(request);
    CHECK_FALSE(has(parts.message, "boundary=\"" + boundary + "\""));
    CHECK(has(parts.bodies[2], "<b>not ours</b>"));
}

TEST_CASE("a report to the postmaster says why") {
    auto request = failure_report();
    request.reverse_path = "";
    request.to = "postmaster@lab.test";
    const Parts parts = parts_of(request);
    CHECK(field(parts.message, "Subject") == "For the postmaster: a report could not be delivered");
    CHECK(has(words(parts), "it is the postmaster who is told"));
    CHECK(has(parts.bodies[0], "A message of Sat, 21 Nov 2026"));
}

TEST_CASE("internationalized mail: RFC 6533 for who can be addressed by nothing else") {
    auto request = failure_report();
    request.smtputf8 = true;
    request.recipients.items[0].forward_path = request.recipients.items[0].address = "b\xC3\xB6" "b+x@elsewhere.example";
    request.body = "From: ann@lab.test\r\nSubject: gr\xC3\xBC\xC3\x9F\r\n\r\nHello.\r\n";
    SECTION("an ASCII sender gets what arrives everywhere") {
        const auto report = compose(request, *read_original(request, -1, 50000), options);
        CHECK_FALSE(report.smtputf8);
        CHECK(report.body_kind == ipc::BodyKind::seven_bit);
        const Parts parts = take_apart(report.message.value);
        CHECK(parts.types == std::vector<std::string>{"text/plain; charset=utf-8", "message/delivery-status", "message/global"});
        CHECK(parts.encodings == std::vector<std::string>{"quoted-printable", "", "quoted-printable"});
        CHECK(has(parts.bodies[1], "Final-Recipient: utf-8; b\\x{F6}b\\x{2B}x@elsewhere.example\r\n"));
    }
    SECTION("an internationalized one an internationalized report") {
        request.to = request.reverse_path = "\xC3\xA4nn@lab.test";
        const auto report = compose(request, *read_original(request, -1, 50000), options);
        CHECK(report.smtputf8);
        CHECK(report.body_kind == ipc::BodyKind::eight_bit);
        const Parts parts = take_apart(report.message.value);
        CHECK(parts.types == std::vector<std::string>{"text/plain; charset=utf-8", "message/global-delivery-status", "message/global"});
        CHECK(parts.encodings == std::vector<std::string>{"8bit", "8bit", "8bit"});
        CHECK(has(parts.bodies[1], "Final-Recipient: utf-8; b\xC3\xB6" "b+x@elsewhere.example\r\n"));
        CHECK(field(parts.message, "Content-Type").starts_with("multipart/report; report-type=global-delivery-status;"));
        request.ret = ipc::DsnReturn::headers;
        CHECK(parts_of(request).types[2] == "message/global-headers");
    }
}

TEST_CASE("the largest report fits into its frame") {
    auto request = failure_report();
    request.smtputf8 = true;
    request.recipients = {};
    std::string wide;
    while (wide.size() < 300) wide += "\xC3\xB6";
    for (std::size_t i = 0; i < ipc::max_recipients; ++i) {
        auto r = failed_recipient(std::to_string(i) + wide + "@x.example");
        r.diagnostic = std::string(500, 'd');
        r.original = "rfc822;" + wide;
        request.recipients.push_back(std::move(r));
    }
    request.body = "Subject: " + wide + "\r\n\r\n";
    while (request.body.view().size() < 380 * 1024) request.body.value += wide + "\r\n";
    const Options generous{.hostname = "mx.lab.test", .max_returned = 384 * 1024};
    const std::string message = composed(request, generous);
    CHECK(message.size() < ipc::max_inline_body);
    CHECK(has(take_apart(message).bodies[0], " of them are not in this report"));

    request.recipients = {};
    for (std::size_t i = 0; i < ipc::max_recipients; ++i)
        request.recipients.push_back(failed_recipient("user" + std::to_string(i) + "@elsewhere.example"));
    request.to = "\xC3\xA4nn@lab.test";
    const Parts ordinary = take_apart(composed(request, generous));
    CHECK(has(ordinary.bodies[0], "And 950 more"));
    CHECK(has(ordinary.bodies[1], "rfc822; user999@elsewhere.example\r\n"));
    CHECK(ordinary.types[2] == "message/global");
}

TEST_CASE("a report without somebody to tell is none") {
    auto request = failure_report();
    request.to = "";
    const auto report = compose(request, *read_original(request, -1, 50000), options);
    CHECK_FALSE(report.composed);
    CHECK_FALSE(report.reason.empty());
}
