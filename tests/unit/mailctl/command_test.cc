#include "libcommon/text.h"
#include "mailctl/cli.h"
#include "mailctl/fields.h"
#include "mailctl/proc.h"

#include <fstream>
#include <iterator>
#include <set>

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::mailctl;

namespace {

int run(std::vector<std::string> words) {
    words.insert(words.begin(), {"mailctl", "--socket", "/nonexistent/api.sock"});
    std::vector<char*> argv;
    for (auto& word : words) argv.push_back(word.data());
    return run_command_line(static_cast<int>(argv.size()), argv.data());
}

Arguments with(const std::string& option, const std::string& value) {
    Arguments arguments;
    arguments.values[option] = {value};
    return arguments;
}

} // namespace

TEST_CASE("Commands are named once, and each group they are in has its help") {
    std::set<std::string_view> paths, names;
    for (const Group& group : groups()) names.insert(group.name);
    for (const Command& command : commands()) {
        INFO(command.path);
        CHECK(paths.insert(command.path).second);
        CHECK_FALSE(command.help.empty());
        const auto blank = command.path.find(' ');
        if (blank != command.path.npos) CHECK(names.count(command.path.substr(0, blank)) == 1);
    }
}

TEST_CASE("The manual pages name every command") {
    std::string text;
    for (const char* name : {"mailctl.1", "mailctl-queue.1", "mailctl-tls.1"}) {
        std::ifstream file(std::string(POSTERN_SOURCE_DIR "/man/") + name);
        for (const char c : std::string(std::istreambuf_iterator<char>(file), {}))
            if (c != '\\') text += c;
    }
    for (const Command& command : commands()) {
        INFO(command.path);
        CHECK(text.find(".B mailctl " + std::string(command.path)) != std::string::npos);
        for (const Option& option : command.options) {
            INFO(option.name);
            CHECK(text.find(option.name) != std::string::npos);
        }
    }
}

TEST_CASE("Days and minutes are local; a last day counts to its end") {
    ::setenv("TZ", "Europe/Berlin", 1);
    ::tzset();
    const auto seconds = [](const std::string& text, bool end) {
        json::Value body;
        copy_time(with("--until", text), "--until", body, "valid_until", end);
        return body["valid_until"].integer().value_or(-1);
    };
    CHECK(seconds("2026-12-01T08:30", true) == 1796110200);
    CHECK(seconds("2026-12-01", false) == 1796079600);
    CHECK(seconds("2026-12-31", true) == 1798758000);      // the new year
    CHECK(seconds("2026-03-29", true) - seconds("2026-03-29", false) == 23 * 3600);   // summer time begins
    CHECK(seconds("none", true) == 0);
    for (const char* wrong : {"", "tomorrow", "2026-13-01", "2026-12-01T", "2026-12-01 08:00", "2026-12-01T08:00Z"})
        CHECK_THROWS_AS(seconds(wrong, true), Failure);
}

TEST_CASE("The command line is checked before anybody is asked") {
    CHECK(run({}) == exit_usage);
    CHECK(run({"nonsense"}) == exit_usage);
    CHECK(run({"account"}) == exit_usage);
    CHECK(run({"alias", "add", "a@example.org"}) == exit_usage);
    CHECK(run({"domain", "add", "example.org", "--colour", "red"}) == exit_usage);
    CHECK(run({"domain", "set", "example.org"}) == exit_usage);
    CHECK(run({"domain", "add", "example.org", "--quota", "much"}) == exit_data);
    CHECK(run({"account", "set", "ann@example.org", "--cram-md5", "maybe"}) == exit_data);
    CHECK(run({"app-password", "add", "ann@example.org"}) == exit_usage);
    CHECK(run({"send-as", "grant", "ann@example.org"}) == exit_usage);
    CHECK(run({"app-password", "add", "ann@example.org", "phone", "--expires", "soon"}) == exit_data);
    CHECK(run({"app-password", "add", "ann@example.org", "phone", "--expires", "90d"}) == exit_unavailable);
    CHECK(run({"domain", "list", "--json"}) == exit_unavailable);
    CHECK(run({"alias", "add", "a@example.org", "b@example.org", "c@example.org"}) == exit_unavailable);
}

TEST_CASE("Quotas are sizes, none, or the domain's") {
    const auto quota = [](const std::string& text, bool inherits) {
        json::Value body;
        copy_quota(with("--quota", text), "--quota", body, "quota", true, inherits);
        return body["quota"].dump();
    };
    CHECK(quota("5GiB", true) == "5368709120");
    CHECK(quota("none", true) == "0");
    CHECK(quota("domain", true) == "null");
    CHECK_THROWS_AS(quota("domain", false), Failure);
    CHECK_THROWS_AS(quota("-1", true), Failure);
}

TEST_CASE("Names are encoded for a path") {
    CHECK(target("accounts", "ann+x@example.org") == "/api/v1/accounts/ann%2Bx@example.org");
    CHECK(target("accounts", "\"a/b\"@example.org") == "/api/v1/accounts/%22a%2Fb%22@example.org");
}

TEST_CASE("The kernel's facts of a process") {
    const auto facts = parse_status("Name:\tsmtpd\nUid:\t123\t123\t123\t123\nVmRSS:\t  2048 kB\nCapEff:\t0000000000000000\n"
                                    "NoNewPrivs:\t1\nSeccomp:\t2\n");
    CHECK(facts.found);
    CHECK(facts.uid == "123");
    CHECK(facts.memory == 2048 * 1024);
    CHECK(facts.capabilities == "none");
    CHECK(facts.no_new_privs == "1");
    CHECK(facts.seccomp == "2");
    CHECK_FALSE(parse_status("").found);
    CHECK(parse_status("CapEff:\t00000000000000ff\n").capabilities == "ff");
}
