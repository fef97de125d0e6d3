#include "logd/syslog.h"
#include "tests/unit/logd/temporary.h"

#include <catch2/catch.hpp>
#include <sys/socket.h>

using namespace postern;
using namespace postern::logd;

TEST_CASE("a line of syslog: facility mail, the severity of the level, one line whatever a client sent") {
    Kept kept = event_of(0, "smtpd.rcpt.refuse", {{"rcpt", "a\r\nb"}});
    const std::pair<log::Level, std::string> cases[] = {
        {log::Level::debug, "<23>"}, {log::Level::info, "<22>"}, {log::Level::warning, "<20>"}, {log::Level::error, "<19>"}};
    for (const auto& [level, priority] : cases) {
        kept.record.level = level;
        const std::string line = syslog_line("smtpd/3", kept.record);
        CHECK(line.substr(0, 4) == priority);
        CHECK(line.find('\n') == line.npos);
        CHECK(line.substr(line.find(" postern-")) == " postern-smtpd[3]: smtpd.rcpt.refuse rcpt=\"a\\x0d\\x0ab\"");
    }
}

TEST_CASE("syslog that is gone is asked for again, not for every line") {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, pair) == 0);
    Fd reader(pair[0]);
    int asked = 0;
    Loop loop;
    Syslog syslog(loop, [&] { ++asked; });
    const Kept kept = event_of(0, "n", {});
    syslog.send("smtpd/0", kept.record);
    CHECK(asked == 0);                                         // not wanted at all
    syslog.use(Fd(pair[1]));
    syslog.set_active(true);
    syslog.send("smtpd/0", kept.record);
    char buffer[200];
    CHECK(::recv(reader.get(), buffer, sizeof buffer, 0) > 0);
    for (int i = 0; i < 5000; ++i) syslog.send("smtpd/0", kept.record);
    CHECK(asked == 0);                                         // it is slow, not gone
    int got = 0;                                               // and gets every line, late
    Watch reading(loop, reader.get(), Watch::For::read, [&] {
        while (::recv(reader.get(), buffer, sizeof buffer, 0) > 0) ++got;
        if (got == 5000) loop.stop();
    });
    reading.enable();
    loop.run();
    reading.disable();
    reader.reset();
    for (int i = 0; i < 10; ++i) syslog.send("smtpd/0", kept.record);
    CHECK(asked == 1);
}
