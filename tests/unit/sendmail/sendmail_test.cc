#include "sendmail/client.h"
#include "sendmail/message.h"
#include "sendmail/options.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::sendmail;

namespace {

// What the command line comes to, or why it is none.
std::string describe(std::string_view program, const std::vector<std::string>& arguments) {
    const auto parsed = parse_options(program, arguments);
    if (!parsed) return parsed.error().message();
    const Options& o = *parsed;
    constexpr std::string_view modes[] = {"deliver", "smtp", "queue", "nothing"};
    std::string out(modes[static_cast<std::size_t>(o.mode)]);
    if (o.read_recipients) out += " -t";
    if (o.dots_are_text) out += " -i";
    if (o.sender) out += " from=<" + *o.sender + ">";
    if (!o.full_name.empty()) out += " name=" + o.full_name;
    if (!o.notify.empty()) out += " notify=" + o.notify;
    if (!o.ret.empty()) out += " ret=" + o.ret;
    if (!o.envelope_id.empty()) out += " envid=" + o.envelope_id;
    for (const std::string& recipient : o.recipients) out += " " + recipient;
    return out;
}

std::string lines(std::string_view input, bool dots_are_text = false) { return normal_lines(input, dots_are_text).value(); }
std::string text(std::string_view input) { return prepare(input, "host.example", "", "me@host.example").text; }
std::vector<std::string> recipients(std::string_view input) { return prepare(input, "host.example", "", "").recipients; }

} // namespace

TEST_CASE("command lines of programs that call sendmail") {
    struct Case { const char* program; std::vector<std::string> arguments; const char* expect; };
    const Case cases[] = {
        {"sendmail", {"-t", "-i"}, "deliver -t -i"},                                                // PHP
        {"/usr/sbin/sendmail", {"-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root"}, "deliver -i name=CronDaemon root"},
        {"sendmail", {"-oem", "-oi", "-f", "ann@x", "-F", "Ann L", "--", "-odd@y"}, "deliver -i from=<ann@x> name=Ann L -odd@y"},
        {"sendmail", {"-ti", "-rann@x"}, "deliver -t -i from=<ann@x>"},
        {"sendmail", {"-f", "<>", "a@b", "-t"}, "deliver from=<> a@b -t"},                          // options end at the first recipient
        {"sendmail", {"-f", "", "a@b"}, "deliver from=<> a@b"},
        {"sendmail", {"-N", "failure,Delay", "-Rhdrs", "-V", "x 1", "a@b"}, "deliver notify=FAILURE,DELAY ret=HDRS envid=x 1 a@b"},
        {"sendmail", {"-bs"}, "smtp"},
        {"sendmail", {"-bm", "-O", "DeliveryMode=b", "-U", "-v", "-q15m", "-d8.8", "a"}, "deliver a"},
        {"mailq", {}, "queue"},
        {"/usr/bin/newaliases", {}, "nothing"},
        {"sendmail", {"-bp"}, "queue"},
        {"sendmail", {"-bd"}, "-bd is not known here"},
        {"sendmail", {"-Z"}, "unknown option -Z"},
        {"sendmail", {"-f"}, "a value is missing behind -f"},
        {"sendmail", {"-N", "sometimes"}, "-N takes never, or success, failure and delay"},
        {"sendmail", {"-R", "half"}, "-R takes full or hdrs"},
        {"sendmail", {"-"}, "deliver -"},
    };
    for (const Case& c : cases) CHECK(describe(c.program, c.arguments) == c.expect);
}

TEST_CASE("lines end in CRLF, whatever they ended in") {
    CHECK(lines("a\nb\r\nc\rd") == "a\r\nb\r\nc\r\nd\r\n");
    CHECK(lines("\n\n") == "\r\n\r\n");
    CHECK(lines("") == "");
    CHECK(lines("a\r\r\nb") == "a\r\n\r\nb\r\n");
    CHECK(lines("a\n.\nb\n") == "a\r\n");
    CHECK(lines("a\n.\nb\n", true) == "a\r\n.\r\nb\r\n");
    CHECK(lines("a\n..\n. \n") == "a\r\n..\r\n. \r\n");
    CHECK_FALSE(normal_lines(std::string_view("a\0b", 3), false));
}

TEST_CASE("dots are stuffed") {
    CHECK(dot_stuffed(".\r\n..a\r\nb.\r\n") == "..\r\n...a\r\nb.\r\n");
}

TEST_CASE("a text without a header gets an empty one") {
    CHECK(text("just text\r\n") == "\r\njust text\r\n");
    CHECK(text("Note: this\r\nis text\r\n") == "Note: this\r\n\r\nis text\r\n");
    CHECK(text("Subject: x\r\n folded\r\n\r\nbody\r\n") == "Subject: x\r\n folded\r\n\r\nbody\r\n");
    CHECK(text("Subject: x\r\n") == "Subject: x\r\n\r\n");
    CHECK(text("From ann Sat Nov 21\r\nSubject: x\r\n\r\nFrom y\r\n") == "Subject: x\r\n\r\nFrom y\r\n");
    CHECK(text("") == "\r\n");
    CHECK(text("From ") == "\r\n");
}

TEST_CASE("addresses without a domain get this host's, and nothing else changes") {
    CHECK(text("From: root (Cron Daemon)\r\nTo: ann\r\n\r\n") ==
          "From: \"Cron Daemon\" <root@host.example>\r\nTo: ann@host.example\r\n\r\n");
    CHECK(text("To:  ann@x ,\r\n <bob@y>\r\n\r\n") == "To:  ann@x ,\r\n <bob@y>\r\n\r\n");
    CHECK(text("Cc: ann@x, bob\r\n\r\n") == "Cc: ann@x,\r\n bob@host.example\r\n\r\n");
    CHECK(text("To: undisclosed-recipients:;\r\n\r\n") == "To: undisclosed-recipients:;\r\n\r\n");
    CHECK(text("Subject: ann\r\n\r\n") == "Subject: ann\r\n\r\n");
    CHECK(qualified("ann", "host.example") == "ann@host.example");
    CHECK(qualified("ann@x.example", "host.example") == "ann@x.example");
    CHECK(qualified("Ann <ann@x.example>", "host.example") == "ann@x.example");
}

TEST_CASE("-t takes recipients from To, Cc and Bcc, or from their Resent- kin") {
    CHECK(recipients("To: a@x, Ben <b@x>\r\nCc: c\r\nBcc: d@x\r\n\r\nTo: e@x\r\n") ==
          std::vector<std::string>{"a@x", "b@x", "c@host.example", "d@x"});
    CHECK(recipients("To: a@x\r\nResent-To: b@x\r\nResent-Bcc: c@x\r\n\r\n") == std::vector<std::string>{"b@x", "c@x"});
    CHECK(recipients("To: friends: a@x, b@x;\r\n\r\n") == std::vector<std::string>{"a@x", "b@x"});
    CHECK(recipients("Subject: x\r\n\r\n").empty());
    for (const std::string& recipient : recipients("To: ann@[never\r\n closed\r\n\r\n"))
        CHECK(recipient.find_first_of("\r\n") == std::string::npos);
}

TEST_CASE("a full name is for a From that is missing") {
    CHECK(prepare("\r\nx\r\n", "h", "Ann \"L\"", "ann@h").text == "From: \"Ann \\\"L\\\"\" <ann@h>\r\n\r\nx\r\n");
    CHECK(prepare("From: a@b\r\n\r\n", "h", "Ann", "ann@h").text == "From: a@b\r\n\r\n");
    CHECK(prepare("\r\n", "h", "Ann\r\nBcc: eve@x", "ann@h").text == "From: \"Ann  Bcc: eve@x\" <ann@h>\r\n\r\n");
}

TEST_CASE("what passes is to be tried again, whatever it was about") {
    CHECK(exit_code_of({451, ""}, exit_no_user) == exit_try_again);
    CHECK(exit_code_of({0, ""}, exit_data) == exit_try_again);
    CHECK(exit_code_of({550, ""}, exit_no_user) == exit_no_user);
}
