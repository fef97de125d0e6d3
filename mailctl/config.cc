// postern.yaml, read as master reads it; no running suite is needed.
#include "config/reader.h"
#include "config/schema.h"
#include "config/value.h"
#include "mailctl/output.h"
#include "mailctl/terminal.h"
#include "mailctl/verbs.h"

#include <cstdio>

extern char** environ;

namespace postern::mailctl {
namespace {

config::Outcome read(const std::string& file) {
    std::vector<std::string> environment;
    for (char** entry = environ; *entry; ++entry) environment.emplace_back(*entry);
    return config::read_configuration(read_file(file), file, environment);
}

[[noreturn]] void fail_with(const config::Outcome& outcome, const std::string& file) {
    for (const auto& mistake : outcome.mistakes) std::fprintf(stderr, "%s\n", mistake.c_str());
    throw Failure{exit_data, file + ": " + std::to_string(outcome.mistakes.size()) + " mistakes"};
}

} // namespace

int config_check(const Context& c) {
    const std::string file = c.arguments.has("FILE") ? c.arguments.one("FILE") : c.config_file;
    const auto outcome = read(file);
    if (!outcome.mistakes.empty()) fail_with(outcome, file);
    c.done(file + ": correct");
    return exit_ok;
}

int config_show(const Context& c) {
    if (c.arguments.has("--running")) {
        Context::print(c.client().get_text("/api/v1/config"));
        return exit_ok;
    }
    const auto outcome = read(c.config_file);
    if (!outcome.mistakes.empty()) fail_with(outcome, c.config_file);
    json::Value all = json::Object{};
    for (const auto& [key, value] : outcome.config.values()) all.set(key, value);
    return c.show(all, [](const json::Value& values) {
        std::string out;
        for (const auto& [key, value] : *values.object()) {
            std::string line = *value.text();
            for (char& ch : line) if (ch == '\n') ch = ' ';
            out += key + " = " + line + "\n";
        }
        return out;
    });
}

int config_options(const Context& c) {
    json::Value all = json::Array{};
    for (const config::Option& option : config::options())
        all.push(json::Value().set("key", option.key).set("default", option.fallback).set("values", config::allowed_values(option)).set("help", option.help));
    return c.show(all, [](const json::Value& items) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& o : *items.array()) rows.push_back({shown(o["key"]), shown(o["default"]), shown(o["values"]), shown(o["help"])});
        return table({"OPTION", "DEFAULT", "VALUES", ""}, rows);
    });
}

} // namespace postern::mailctl
