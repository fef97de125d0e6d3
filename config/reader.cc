#include "config/reader.h"

#include "config/value.h"
#include "libcommon/text.h"

#include <yaml-cpp/yaml.h>

namespace postern::config {
namespace {

struct Reading {
    Outcome& outcome;
    std::string_view file;

    void mistake(const YAML::Mark& mark, const std::string& key, const std::string& what) {
        outcome.mistakes.push_back(std::string(file) + ":" + std::to_string(mark.line + 1) + ": " + key + ": " + what);
    }
    void section(const std::string& name, const YAML::Node& node);
    void option(const std::string& key, const YAML::Node& node);
};

void Reading::option(const std::string& key, const YAML::Node& node) {
    const Option* known = find_option(key);
    if (!known) {
        const std::string_view near = nearest_key(key);
        return mistake(node.Mark(), key, "unknown key" + (near.empty() ? "" : "; did you mean " + std::string(near) + "?"));
    }
    Result<std::string> value = Error(Errc::invalid, "takes a value, not a section");
    if (node.IsScalar()) {
        value = parse_value(*known, node.Scalar());
    } else if (node.IsNull()) {
        value = parse_value(*known, "");
    } else if (node.IsSequence()) {
        std::vector<std::string> items;
        for (const YAML::Node& item : node) items.push_back(item.IsScalar() ? item.Scalar() : "");
        value = parse_values(*known, items);
    }
    if (!value) return mistake(node.Mark(), key, value.error().message());
    outcome.config.set(key, std::move(*value));
}

void Reading::section(const std::string& name, const YAML::Node& node) {
    if (node.IsNull()) return;
    if (!node.IsMap()) return mistake(node.Mark(), name, "a section with keys below it is expected");
    for (const auto& entry : node) {
        if (!entry.first.IsScalar()) mistake(entry.first.Mark(), name, "a key is one word");
        else option(name + "." + entry.first.Scalar(), entry.second);
    }
}

void read_file(Reading& reading, std::string_view yaml) {
    try {
        const YAML::Node root = YAML::Load(std::string(yaml));
        if (root.IsNull()) return;
        if (!root.IsMap()) return reading.mistake(root.Mark(), "file", "sections like \"smtp:\" are expected");
        for (const auto& entry : root) {
            if (!entry.first.IsScalar()) reading.mistake(entry.first.Mark(), "file", "a section is one word");
            else reading.section(entry.first.Scalar(), entry.second);
        }
    } catch (const YAML::Exception& error) {
        reading.mistake(error.mark, "YAML", error.msg);
    }
}

// "smtp.listen_addr" is POSTERN_SMTP_LISTEN_ADDR.
std::string variable_of(std::string_view key) {
    std::string name = "POSTERN_" + ascii_upper(key);
    for (char& c : name) if (c == '.') c = '_';
    return name;
}

bool is_section(std::string_view name) {
    for (const Option& option : options())
        if (option.key.substr(0, option.key.find('.')) == name) return true;
    return false;
}

// A variable that is no option is a mistake when it looks like one: its section exists, or an option is spelt nearly
// so. Any other POSTERN_... is somebody else's (mailctl's POSTERN_SOCKET, a test's POSTERN_BUILD).
std::string mistake_in(std::string_view variable) {
    std::string key = ascii_lower(variable.substr(variable.find('_') + 1));
    const auto underscore = key.find('_');
    if (underscore != key.npos) key[underscore] = '.';
    const std::string_view near = underscore == key.npos ? std::string_view() : nearest_key(key);
    if (!near.empty()) return "no option of that name; did you mean " + variable_of(near) + "?";
    return is_section(std::string_view(key).substr(0, underscore)) ? "no option of that name" : "";
}

void apply_environment(Outcome& outcome, const std::vector<std::string>& environment) {
    for (const std::string& entry : environment) {
        if (!entry.starts_with("POSTERN_")) continue;
        const auto equals = entry.find('=');
        const std::string name = entry.substr(0, equals);
        const Option* target = nullptr;
        for (const Option& option : options())
            if (variable_of(option.key) == name) target = &option;
        if (!target) {
            if (const std::string mistake = mistake_in(name); !mistake.empty())
                outcome.mistakes.push_back("environment: " + name + ": " + mistake);
            continue;
        }
        auto value = parse_value(*target, equals == std::string::npos ? "" : std::string_view(entry).substr(equals + 1));
        if (value) outcome.config.set(std::string(target->key), std::move(*value));
        else outcome.mistakes.push_back("environment: " + name + ": " + value.error().message());
    }
}

} // namespace

Outcome read_configuration(std::string_view yaml, std::string_view file_name, const std::vector<std::string>& environment) {
    Outcome outcome;
    for (const Option& option : options()) {
        auto value = parse_value(option, option.fallback);
        if (value) outcome.config.set(std::string(option.key), std::move(*value));
        else outcome.mistakes.push_back("default of " + std::string(option.key) + ": " + value.error().message());
    }
    Reading reading{outcome, file_name};
    read_file(reading, yaml);
    apply_environment(outcome, environment);
    return outcome;
}

} // namespace postern::config
