#include "mailctl/cli.h"

#include "libcommon/text.h"

#include <cstdio>
#include <cstdlib>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

namespace postern::mailctl {
namespace {

constexpr const char* default_socket = "/run/postern/api.sock";
constexpr const char* default_config = "/etc/postern/postern.yaml";

struct Parsing {
    const Command* chosen = nullptr;
    std::map<std::string, std::vector<std::string>> values;   // as CLI11 fills them
};

// "TARGET..." to an option of CLI11 that takes one or more.
void add_word(CLI::App& app, std::string_view word, std::vector<std::string>& into) {
    const bool optional = word.starts_with('['), many = word.find("...") != word.npos;
    std::string name(word);
    std::erase_if(name, [](char c) { return c == '[' || c == ']' || c == '.'; });
    auto* option = app.add_option(ascii_lower(name), into);
    option->type_name("")->required(!optional);
    // CLI11 gives a vector all the words it can get unless told not to.
    if (many) option->expected(1, 1000);
    else option->expected(1)->allow_extra_args(false);
}

void add_command(CLI::App& app, const Command& command, std::map<const Command*, Parsing>& parsings) {
    auto& parsing = parsings[&command];
    app.description(std::string(command.help));
    for (const auto word : split(command.words, ' '))
        if (!word.empty()) {
            std::string key(word);
            std::erase_if(key, [](char c) { return c == '[' || c == ']' || c == '.'; });
            add_word(app, word, parsing.values[key]);
        }
    for (const Option& option : command.options) {
        auto& into = parsing.values[std::string(option.name)];
        const std::string name(option.name), help(option.help);
        if (option.value.empty())
            app.add_flag_callback(name, [&into] { into.emplace_back(); }, help);
        else
            app.add_option(name, into, help)->type_name(std::string(option.value))->expected(1)->take_last();
    }
    app.callback([&parsings, &command] { parsings[&command].chosen = &command; });
}

// "account add": the group's subcommand, made when the first of its commands comes.
CLI::App& app_of(CLI::App& root, std::string_view path) {
    CLI::App* at = &root;
    for (const auto word : split(path, ' ')) {
        const std::string name(word);
        const auto there = at->get_subcommands([&](const CLI::App* app) { return app->get_name() == name; });
        at = there.empty() ? at->add_subcommand(name) : there.front();
    }
    return *at;
}

int run(const Command& command, const Parsing& parsing, Context context) {
    for (const auto& [name, values] : parsing.values)
        if (!values.empty()) context.arguments.values[name] = values;
    try {
        return command.run(context);
    } catch (const Failure& failure) {
        std::fprintf(stderr, "mailctl: %s\n", failure.message.c_str());
        return failure.code;
    }
}

std::string from_environment(const char* name, const char* fallback) {
    const char* value = std::getenv(name);
    return value && *value ? value : fallback;
}

} // namespace

int run_command_line(int argc, char** argv) {
    Context context{.socket = from_environment("POSTERN_SOCKET", default_socket),
                    .config_file = from_environment("POSTERN_CONFIG", default_config),
                    .json = false,
                    .arguments = {}};
    CLI::App root("mailctl manages Postern, the mail suite", "mailctl");
    root.add_option("--socket", context.socket, "the API's socket, $POSTERN_SOCKET")->type_name("PATH");
    root.add_option("--config", context.config_file, "postern.yaml, $POSTERN_CONFIG")->type_name("FILE");
    root.add_flag("--json", context.json, "answers as JSON");
    root.set_version_flag("--version", "mailctl " POSTERN_VERSION);
    root.require_subcommand(1);
    root.fallthrough();                                   // --json may stand anywhere

    std::map<const Command*, Parsing> parsings;
    for (const Group& group : groups()) {
        CLI::App& app = app_of(root, group.name);
        app.description(std::string(group.help));
        app.require_subcommand(1);
    }
    for (const Command& command : commands()) add_command(app_of(root, command.path), command, parsings);
    // After the tree exists: options given behind a subcommand fall through to the root.
    for (CLI::App* app : root.get_subcommands(nullptr)) {
        app->fallthrough();
        for (CLI::App* below : app->get_subcommands(nullptr)) below->fallthrough();
    }
    try {
        root.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return root.exit(error) == 0 ? exit_ok : exit_usage;
    }
    for (const auto& [command, parsing] : parsings)
        if (parsing.chosen) return run(*command, parsing, context);
    return exit_usage;
}

} // namespace postern::mailctl
