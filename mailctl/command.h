// The commands of mailctl as one table: the parser, the help and the man page follow it.
#pragma once

#include "mailctl/client.h"

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postern::mailctl {

// What was typed, once it fits the table.
class Arguments {
  public:
    std::map<std::string, std::vector<std::string>, std::less<>> values;   // "name", "--quota"

    bool has(std::string_view name) const { return values.find(name) != values.end(); }
    const std::string& one(std::string_view name) const;                    // empty when absent
    const std::vector<std::string>& all(std::string_view name) const;
};

struct Context {
    std::string socket;
    std::string config_file;
    bool json = false;
    Arguments arguments;

    Client client() const { return Client(socket); }
    // Prints the API's answer with --json, else what `text` makes of it.
    template <class F> int show(const json::Value& answer, F text) const {
        print(json ? answer.dump(true) + "\n" : text(answer));
        return exit_ok;
    }
    void done(std::string_view what) const;   // one line, and nothing with --json
    static void print(std::string_view text);
};

// "NAME" one word, "[FILE]" may be left out, "TARGET..." one or more, "[ID...]" any number.
struct Option {
    std::string_view name;       // "--quota", or "--admin" which takes no value
    std::string_view value;      // "SIZE"; empty: a switch
    std::string_view help;
};
struct Command {
    std::string_view path;       // "account add"
    std::string_view words;      // "ADDRESS"; several separated by blanks
    std::string_view help;
    std::span<const Option> options;
    int (*run)(const Context& context);
};

std::span<const Command> commands();

// Groups of commands with a line of help each: "account".
struct Group {
    std::string_view name, help;
};
std::span<const Group> groups();

} // namespace postern::mailctl
