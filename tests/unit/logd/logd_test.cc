#include "libcommon/log_record.h"
#include "logd/collector.h"
#include "logd/format.h"
#include "logd/log_file.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sys/socket.h>
#include <unistd.h>

using namespace postern;
using namespace postern::logd;

namespace {

log::LogRecord record(std::string value) {
    log::LogRecord made;
    made.time_us = 1'000'000;
    made.name = "smtpd.rcpt.refuse";
    made.values.push_back({"session", "5f2c01"});
    made.values.push_back({"rcpt", std::move(value)});
    return made;
}

std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

TEST_CASE("one event is one line, whatever a client sent") {
    CHECK(format_line(Format::text, "smtpd/0", record("ann@example.org")) ==
          "1970-01-01T00:00:01.000000Z info smtpd/0 smtpd.rcpt.refuse session=5f2c01 rcpt=ann@example.org\n");
    CHECK(format_line(Format::text, "smtpd/0", record("a\r\nb \"c\"")) ==
          "1970-01-01T00:00:01.000000Z info smtpd/0 smtpd.rcpt.refuse session=5f2c01 rcpt=\"a\\x0d\\x0ab \\\"c\\\"\"\n");
    CHECK(format_line(Format::json, "smtpd/0", record("a\n\"\\\x01\xFF")) ==
          "{\"time\":\"1970-01-01T00:00:01.000000Z\",\"level\":\"info\",\"source\":\"smtpd/0\",\"event\":\"smtpd.rcpt.refuse\","
          "\"session\":\"5f2c01\",\"rcpt\":\"a\\\\x0a\\\"\\\\x5c\\\\x01\\\\xff\"}\n");
}

TEST_CASE("a datagram is records, whole or not believed") {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    const Fd in(pair[0]), out(pair[1]);
    log::set_level(log::Level::info);
    log::set_socket(out.get());
    log::info("a.b", {{"session", "1"}, {"n", 5}});
    log::info("c.d", {{"queue", "2"}, {"long", std::string(9000, 'x')}});
    log::flush();
    log::set_socket(-1);
    char buffer[log::max_datagram];
    const ssize_t size = ::recv(in.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    REQUIRE(size > 0);
    const std::string datagram(buffer, static_cast<std::size_t>(size));
    std::vector<std::string> names;
    CHECK(parse_datagram(datagram, [&](const log::LogRecord& r, std::string_view) { names.emplace_back(r.name.view()); }));
    CHECK(names == std::vector<std::string>{"a.b", "c.d"});
    std::uint32_t first = 0;
    REQUIRE(Reader(datagram).get(first));
    for (std::size_t cut = 1; cut < datagram.size(); ++cut)
        if (parse_datagram(datagram.substr(0, cut), [](const log::LogRecord&, std::string_view) {})) CHECK(cut == first + 4);
}

TEST_CASE("an event whose names would break its line is malformed") {
    const auto taken = [](std::string_view name, std::string_view key) {
        log::LogRecord record;
        record.name = name;
        record.values.push_back({key, "value"});
        const std::string body = encode(record);
        std::string datagram;
        Writer(datagram).put(static_cast<std::uint32_t>(body.size()));
        return parse_datagram(datagram + body, [](const log::LogRecord&, std::string_view) {});
    };
    CHECK(taken("smtpd.connect", "message_id"));
    CHECK_FALSE(taken("a\nforged.event", "k"));
    CHECK_FALSE(taken("a.b", "k\r\nforged"));
    CHECK_FALSE(taken("", "k"));
    CHECK_FALSE(taken("a b", "k"));
}

TEST_CASE("a log that stands still never stops its writer") {
    int pair[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
    const Fd in(pair[0]), out(pair[1]);
    log::set_socket(out.get());
    const auto before = log::dropped();
    for (int i = 0; i < 2000; ++i) {
        log::info("load", {{"session", "1"}, {"text", std::string(1000, 'x')}});
        log::flush();
    }
    log::set_socket(-1);
    CHECK(log::dropped() > before);
}

TEST_CASE("files are rotated, the oldest goes") {
    const auto directory = std::filesystem::temp_directory_path() / ("postern-logd-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory);
    LogFile file(directory / "postern.log", 10, 2);
    for (const char* line : {"one......\n", "two......\n", "three....\n", "four.....\n"}) REQUIRE(file.append(line).ok());
    CHECK(read_file(directory / "postern.log") == "four.....\n");
    CHECK(read_file(directory / "postern.log.1") == "three....\n");
    CHECK(read_file(directory / "postern.log.2") == "two......\n");
    CHECK_FALSE(std::filesystem::exists(directory / "postern.log.3"));
    std::filesystem::remove_all(directory);
}
