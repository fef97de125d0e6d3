#include "config/reader.h"
#include "config/schema.h"
#include "config/value.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

using namespace postern;
using namespace postern::config;

namespace {
Outcome read(std::string yaml, std::vector<std::string> environment = {}) {
    return read_configuration(yaml, "f.yaml", environment);
}
} // namespace

TEST_CASE("an empty file gives every default, and every default is legal") {
    const Outcome outcome = read("");
    CHECK(outcome.mistakes.empty());
    for (const Option& option : options()) {
        INFO(option.key);
        CHECK(outcome.config.has(option.key));
        CHECK_FALSE(option.help.empty());
    }
    CHECK(outcome.config.text("smtp.listen_addr") == "0.0.0.0:25\n");
    CHECK(outcome.config.duration("server.drain_timeout").count() == 10'000);
}

TEST_CASE("what a value may be is said in the units a person would use") {
    struct Case { std::string_view key, expect; };
    const Case cases[] = {
        {"smtp.max_size_mb", "1 to 10240"},
        {"smtp.max_message_line", "998 to 1GiB"},
        {"smtp.max_hold", "0 to 365d"},
        {"policy.deadline", "10ms to 10s"},
        {"smtp.bare_line_ends", "refuse, normalize"},
        {"policy.client_messages", "COUNT/DURATION, off"},
        {"smtp.proxy_networks", "networks"},
    };
    for (const Case& c : cases) {
        INFO(c.key);
        CHECK(allowed_values(*find_option(c.key)) == c.expect);
    }
}

TEST_CASE("keys are there once") {
    std::set<std::string_view> keys;
    for (const Option& option : options()) CHECK(keys.insert(option.key).second);
}

TEST_CASE("mistakes name file, line and the nearest key") {
    struct Case { std::string yaml, expect; };
    const Case cases[] = {
        {"smtp:\n  listen_adr: 1.2.3.4:25\n", "f.yaml:2: smtp.listen_adr: unknown key; did you mean smtp.listen_addr?"},
        {"smtp:\n  listen_addr: here\n", "f.yaml:2: smtp.listen_addr: \"here\" is not an address like 127.0.0.1:25 or [::1]:25"},
        {"\nserver:\n  seccomp: maybe\n", "f.yaml:3: server.seccomp: \"maybe\" is not true or false"},
        {"logging:\n  level: loud\n", "f.yaml:2: logging.level: \"loud\" is not one of debug|info|warning|error"},
        {"server: 5\n", "f.yaml:1: server: a section with keys below it is expected"},
        {"server:\n  state_dir: relative\n", "f.yaml:2: server.state_dir: \"relative\" is not an absolute path"},
        {"processes:\n  smtpd: 0\n", "f.yaml:2: processes.smtpd: \"0\" is out of range: 1 to 64"},
    };
    for (const Case& c : cases) {
        INFO(c.yaml);
        const Outcome outcome = read(c.yaml);
        REQUIRE(outcome.mistakes.size() == 1);
        CHECK(outcome.mistakes[0] == c.expect);
    }
    CHECK(read("a: [unclosed").mistakes.size() == 1);
    CHECK(read("- list").mistakes.size() == 1);
}

TEST_CASE("units and lists") {
    const Outcome outcome = read("smtp:\n  listen_addr: [127.0.0.1:25, '[::1]:25']\n"
                                 "logging:\n  rotate_size: 2MiB\nserver:\n  drain_timeout: 2min\n  seccomp: no\n");
    CHECK(outcome.mistakes.empty());
    CHECK(outcome.config.list("smtp.listen_addr") == std::vector<std::string>{"127.0.0.1:25", "[::1]:25"});
    CHECK(outcome.config.number("logging.rotate_size") == 2 * 1024 * 1024);
    CHECK(outcome.config.duration("server.drain_timeout").count() == 120'000);
    CHECK_FALSE(outcome.config.flag("server.seccomp"));
}

TEST_CASE("rates, networks and servers") {
    struct Case { std::string_view key, written, flat; };
    const Case cases[] = {
        {"policy.client_messages", "100/1h", "100/3600000"}, {"policy.client_messages", "7/30s", "7/30000"},
        {"policy.client_messages", "off", "0/1000"},         {"policy.client_messages", "Off", "0/1000"},
        {"policy.client_messages", "5", "-"},                {"policy.client_messages", "0/1h", "-"},
        {"policy.client_messages", "5/0s", "-"},             {"policy.client_messages", "/1h", "-"},
        {"policy.client_messages", "5/2d", "-"},             {"policy.client_messages", "5/1h/1h", "-"},
        {"policy.trusted_networks", "192.0.2.0/24 ::1", "192.0.2.0/24\n::1\n"},
        {"policy.trusted_networks", "192.0.2.1/24", "-"},    {"policy.trusted_networks", "", ""},
        {"dns.servers", "192.0.2.1 ::1", "192.0.2.1:53\n[::1]:53\n"},
        {"dns.servers", "192.0.2.1:5353 [2001:db8::1]:54", "192.0.2.1:5353\n[2001:db8::1]:54\n"},
        {"dns.servers", "192.0.2.1:0", "-"},                 {"dns.servers", "ns.example.org", "-"},
        {"dns.servers", "192.0.2.1:53:1", "-"},              {"dns.servers", "", ""},
    };
    for (const Case& c : cases) {
        INFO(c.key << ": " << c.written);
        const auto value = parse_value(*find_option(c.key), c.written);
        CHECK((value ? *value : "-") == c.flat);
    }
    const Config config = read("policy:\n  client_messages: 7/30s\n  trusted_networks: [192.0.2.0/24]\n").config;
    CHECK(config.rate("policy.client_messages").count == 7);
    CHECK(config.rate("policy.client_messages").period == std::chrono::seconds(30));
    CHECK(config.networks("policy.trusted_networks") == std::vector{*Network::parse("192.0.2.0/24")});
}

TEST_CASE("the environment wins, and its mistakes are said") {
    CHECK(read("logging:\n  level: error\n", {"POSTERN_LOGGING_LEVEL=debug"}).config.text("logging.level") == "debug");
    CHECK(read("", {"POSTERN_LOGING_LEVEL=debug"}).mistakes ==
          std::vector<std::string>{"environment: POSTERN_LOGING_LEVEL: no option of that name; did you mean POSTERN_LOGGING_LEVEL?"});
    CHECK(read("", {"POSTERN_LOGGING_NO_SUCH_THING_AT_ALL=1"}).mistakes.size() == 1);
    CHECK(read("", {"POSTERN_SOCKET=/x", "POSTERN_BUILD=y", "POSTERN_CRASH_SEQUENCES=3", "POSTERN_LONG=1", "POSTERN_=",
                    "POSTERN_INSTANCE=z", "POSTERN_FIRST_USER=1", "POSTERN_DAMAGE_ROUNDS=2", "POSTERN_CONFIG=f"})
              .mistakes.empty());
    CHECK(read("", {"PATH=/bin"}).mistakes.empty());
}

TEST_CASE("the flat form comes back") {
    const Outcome outcome = read("");
    auto back = Config::parse(outcome.config.flat());
    REQUIRE(back.ok());
    CHECK(back->values() == outcome.config.values());
    CHECK_FALSE(Config::parse("garbage").ok());
}

TEST_CASE("every key that code asks for is in the table") {
    const std::regex asked(R"re(\.(text|number|size|duration|flag|rate|list|networks)\("([a-z]+\.[a-z_]+)"\))re");
    std::size_t found = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(POSTERN_SOURCE_DIR)) {
        const std::string path = entry.path().string();
        if (!entry.is_regular_file() || entry.path().extension() != ".cc" || path.find("/build") != std::string::npos ||
            path.find("/tests/") != std::string::npos)
            continue;
        std::ifstream in(path);
        const std::string text(std::istreambuf_iterator<char>(in), {});
        for (std::sregex_iterator at(text.begin(), text.end(), asked), end; at != end; ++at) {
            INFO(path << " asks for " << (*at)[2].str());
            CHECK(find_option((*at)[2].str()));
            ++found;
        }
    }
    CHECK(found > 20);
}
