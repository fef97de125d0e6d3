#include "tlspolicyd/sts/policy.h"

#include "libcommon/text.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace postern::sts {
namespace {

constexpr std::string_view mode_names[] = {"none", "testing", "enforce"};
constexpr std::size_t max_label = 63, max_name = 253;

bool is_label(std::string_view label) {
    const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
    return !label.empty() && label.size() <= max_label && std::all_of(label.begin(), label.end(), fits);
}

struct Draft {
    std::optional<std::string_view> version, mode, max_age;      // of a field twice the first counts
    std::vector<std::string_view> mx;
};

// Fields nobody here knows are an extension, and skipped.
void take(Draft& draft, std::string_view name, std::string_view value) {
    struct Field {
        std::string_view name;
        std::optional<std::string_view> Draft::*member;
    };
    constexpr Field fields[] = {{"version", &Draft::version}, {"mode", &Draft::mode}, {"max_age", &Draft::max_age}};
    for (const Field& field : fields)
        if (field.name == name && !(draft.*field.member)) draft.*field.member = value;
    if (name == "mx") draft.mx.push_back(value);
}

Result<Draft> read_fields(std::string_view text) {
    Draft draft;
    for (std::string_view line : split(text, '\n')) {
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (trim(line).empty()) continue;
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) return Error(Errc::invalid, "a line without a colon");
        take(draft, line.substr(0, colon), trim(line.substr(colon + 1)));
    }
    return draft;
}

Result<std::string> pattern_of(std::string_view value) {
    std::string pattern = ascii_lower(value);
    if (pattern.ends_with('.')) pattern.pop_back();
    const std::string_view name = pattern;
    if (!is_host_name(name.starts_with("*.") ? name.substr(2) : name)) return Error(Errc::invalid, "an mx that is no host name");
    return pattern;
}

// Up to ten digits (the grammar's limit); what is longer than a year counts as a year: who asks for more is not to get nothing.
std::optional<std::int64_t> age_of(std::string_view digits) {
    constexpr std::size_t most_digits = 10;
    const auto number = digits.size() <= most_digits ? parse_number(digits) : std::nullopt;
    if (!number) return std::nullopt;
    return std::min(static_cast<std::int64_t>(*number), longest_age);
}

} // namespace

bool is_host_name(std::string_view name) {
    if (name.empty() || name.size() > max_name) return false;
    const auto labels = split(name, '.');
    return std::all_of(labels.begin(), labels.end(), is_label);
}

Result<Policy> parse_policy(std::string_view text) {
    const auto draft = read_fields(text);
    if (!draft) return draft.error();
    if (draft->version != "STSv1") return Error(Errc::invalid, draft->version ? "another version" : "no version");
    if (!draft->mode) return Error(Errc::invalid, "no mode");
    const auto mode = std::find(std::begin(mode_names), std::end(mode_names), *draft->mode);
    if (mode == std::end(mode_names)) return Error(Errc::invalid, "a mode that does not exist");
    Policy policy;
    policy.mode = static_cast<ipc::StsMode>(mode - std::begin(mode_names));
    const auto age = draft->max_age ? age_of(*draft->max_age) : std::nullopt;
    if (!age) return Error(Errc::invalid, draft->max_age ? "a max_age that is no number" : "no max_age");
    policy.max_age = *age;
    if (draft->mx.size() > ipc::max_mx_patterns) return Error(Errc::invalid, "too many mx");
    for (const std::string_view value : draft->mx) {
        auto pattern = pattern_of(value);
        if (!pattern) return pattern.error();
        policy.mx.push_back(std::move(*pattern));
    }
    if (policy.mx.empty() && policy.mode != ipc::StsMode::none) return Error(Errc::invalid, "no mx");
    return policy;
}

std::vector<std::string> lines_of(const Policy& policy) {
    std::vector<std::string> lines{"version: STSv1", "mode: " + std::string(mode_names[static_cast<std::size_t>(policy.mode)])};
    for (const std::string& pattern : policy.mx) lines.push_back("mx: " + pattern);
    lines.push_back("max_age: " + std::to_string(policy.max_age));
    return lines;
}

bool is_plain_text(std::string_view content_type) { return iequals(trim(content_type.substr(0, content_type.find(';'))), "text/plain"); }

} // namespace postern::sts
