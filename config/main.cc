// postern-config: reads postern.yaml from standard input and writes the checked, flat form to standard output.
// master runs it unprivileged, so that the one YAML parser never holds root; `mailctl config check` runs it too.
//
//   config --name /etc/postern/postern.yaml [--text | --options | --man] < postern.yaml
//
// Exit status: 0 correct, 65 (EX_DATAERR) with one mistake per line on standard error, 64 usage.
#include "config/reader.h"
#include "config/schema.h"
#include "config/value.h"
#include "ipc/birth.h"

#include <cstdio>
#include <fmt/core.h>
#include <unistd.h>

extern char** environ;

namespace {

using namespace postern;
constexpr std::size_t max_file = 4 * 1024 * 1024;

std::string text_of(std::string_view text) { return std::string(text); }

void print_options() {
    for (const config::Option& option : config::options())
        fmt::print("{}\t{}\t{}\t{}\n", option.key, config::allowed_values(option), option.fallback, option.help);
}

// postern.yaml(5): the options of the table, so that page and program cannot differ.
void print_man() {
    std::fputs(".TH POSTERN.YAML 5 \"\" \"Postern\" \"Postern\"\n.SH NAME\npostern.yaml \\- what this host decides for Postern\n"
               ".SH DESCRIPTION\nA YAML file of sections with one level of keys. Accounts, domains and aliases are not here: see\n"
               ".BR mailctl (1).\nDurations take ms, s, min, h or d; sizes B, KiB, MiB, GiB, KB, MB or GB. An unknown key or a wrong value\n"
               "stops the start, and a reload changes nothing, with file, line and the nearest key said.\n"
               ".PP\nPOSTERN_<SECTION>_<KEY> in the environment of master overrides a key; one whose section exists, or that is nearly an\noption, but is none, is a mistake.\n.SH OPTIONS\n", stdout);
    std::string section;
    for (const config::Option& option : config::options()) {
        const std::string here = text_of(option.key.substr(0, option.key.find('.')));
        if (here != section) fmt::print(".SS {}\n", here);
        section = here;
        fmt::print(".TP\n.B {}\n{} ({}). Default: {}.\n", option.key, option.help, config::allowed_values(option),
                   option.fallback.empty() ? "empty" : text_of(option.fallback));
    }
    std::fputs(".SH SEE ALSO\n.BR postern-master (8),\n.BR mailctl (1)\n", stdout);
}

void print_text(const Config& checked) {
    for (const auto& [key, value] : checked.values()) {
        std::string line = value;
        for (char& c : line) if (c == '\n') c = ' ';
        std::printf("%s = %s\n", key.c_str(), line.c_str());
    }
}

} // namespace

int main(int argc, char** argv) {
    std::string_view name = "postern.yaml";
    bool text = false;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--name" && i + 1 < argc) name = argv[++i];
        else if (word == "--text") text = true;
        else if (word == "--options") return print_options(), 0;
        else if (word == "--man") return print_man(), 0;
        else return std::fprintf(stderr, "usage: config [--name FILE] [--text | --options | --man] < FILE\n"), 64;
    }
    std::vector<std::string> environment;
    for (char** entry = environ; *entry; ++entry) environment.emplace_back(*entry);

    auto yaml = ipc::read_all(STDIN_FILENO, max_file);
    if (!yaml) return std::fprintf(stderr, "%s: %s\n", std::string(name).c_str(), yaml.error().message().c_str()), 65;
    const config::Outcome outcome = config::read_configuration(*yaml, name, environment);
    for (const std::string& mistake : outcome.mistakes) std::fprintf(stderr, "%s\n", mistake.c_str());
    if (!outcome.mistakes.empty()) return 65;
    if (text) {
        print_text(outcome.config);
        return 0;
    }
    const std::string flat = outcome.config.flat();
    return std::fwrite(flat.data(), 1, flat.size(), stdout) == flat.size() && std::fflush(stdout) == 0 ? 0 : 74;
}
