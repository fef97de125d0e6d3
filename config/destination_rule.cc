#include "config/destination_rule.h"

#include "config/value.h"
#include "libcommon/text.h"
#include "libmail/next_hop.h"

#include <algorithm>
#include <iterator>

namespace postern::config {
namespace {

constexpr std::uint64_t second = 1000, day = 86400'000;

constexpr Option properties[] = {
    {"via", Kind::text, {}, 0, 0, {}, 0, "the next hop, in place of the domain's own hosts"},
    {"concurrency", Kind::number, {}, 1, 1000, {}, 0, "deliveries at once"},
    {"rate", Kind::rate, {}, 0, 0, {}, 0, "deliveries in a time"},
    {"retry", Kind::durations, {}, second, 30 * day, {}, 0, "what is waited after each attempt; the last one repeats"},
    {"attempts", Kind::number, {}, 0, 1000, {}, 0, "the last attempt; 0: as age allows"},
    {"age", Kind::duration, {}, 60 * second, 365 * day, {}, 0, "after this a temporary failure is final"},
};

// Lists are written with commas here, and travel so.
Result<std::string> property_value(const Option& property, std::string_view written) {
    if (property.key == "via")
        if (const auto hop = mail::parse_next_hop(written); !hop) return hop.error();
    if (property.kind != Kind::durations) return parse_value(property, written);
    std::vector<std::string> items;
    for (const std::string_view item : split(written, ',')) items.emplace_back(trim(item));
    auto lines = parse_values(property, items);
    if (!lines) return lines;
    lines->pop_back();
    std::replace(lines->begin(), lines->end(), '\n', ',');
    return lines;
}

bool is_pattern(std::string_view text) {
    if (text == "*") return true;
    const std::string_view domain = text.substr(text.starts_with('.') ? 1 : 0);
    return !domain.empty() && domain.find_first_of("@*=") == std::string_view::npos && !domain.starts_with('.');
}

} // namespace

Result<std::string> destination_rule(std::string_view written) {
    std::string rule;
    for (const std::string_view word : split(written, ' ')) {
        if (word.empty()) continue;
        if (rule.empty()) {
            if (!is_pattern(word)) return Error(Errc::invalid, "\"" + printable(word, 60) + "\" is not a domain, .domain or *");
            rule = ascii_lower(word);
            continue;
        }
        const auto equals = std::min(word.find('='), word.size());
        const auto* property = std::find_if(std::begin(properties), std::end(properties),
                                            [&](const Option& p) { return p.key == word.substr(0, equals); });
        if (property == std::end(properties) || equals + 1 >= word.size())
            return Error(Errc::invalid, "\"" + printable(word, 60) + "\" is not via=, concurrency=, rate=, retry=, attempts= or age=");
        auto value = property_value(*property, word.substr(equals + 1));
        if (!value) return value;
        rule.append(" ").append(property->key).append("=").append(*value);
    }
    if (rule.find(' ') == std::string::npos) return Error(Errc::invalid, "a rule is a domain and at least one property");
    return rule;
}

} // namespace postern::config
