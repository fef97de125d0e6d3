#include "qmgr/routes.h"

#include "libcommon/text.h"

namespace postern::qmgr {
namespace {

std::string domain_of(std::string_view address) { return ascii_lower(address.substr(address.rfind('@') + 1)); }

// The configuration has checked and normalized these: milliseconds, plain numbers.
std::uint64_t number(std::string_view text) { return parse_number(text).value_or(0); }

std::chrono::seconds seconds_of(std::string_view milliseconds) {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::milliseconds(number(milliseconds)));
}

Rate rate_of(std::string_view text) {
    const auto slash = text.find('/');
    return {number(text.substr(0, slash)), std::chrono::milliseconds(number(text.substr(slash + 1)))};
}

std::vector<std::chrono::seconds> delays_of(std::string_view text) {
    std::vector<std::chrono::seconds> delays;
    for (const std::string_view delay : split(text, ',')) delays.push_back(seconds_of(delay));
    return delays;
}

} // namespace

Routes::Routes(const Options& options) :
    destinations_(parse(options.destinations)), senders_(parse(options.senders)), limits_(options.limits), retry_(options.retry) {}

Routes::Rules Routes::parse(const std::vector<std::string>& lines) {
    Rules rules;
    for (const std::string& line : lines) {
        const auto words = split(line, ' ');
        Rule& rule = rules[ascii_lower(words.front())];
        for (std::size_t i = 1; i < words.size(); ++i) {
            const auto equals = words[i].find('=');
            const std::string_view name = words[i].substr(0, equals), value = words[i].substr(equals + 1);
            if (name == "via") rule.via = ascii_lower(value);
            else if (name == "concurrency") rule.concurrency = static_cast<std::uint32_t>(number(value));
            else if (name == "rate") rule.rate = rate_of(value);
            else if (name == "retry") rule.delays = delays_of(value);
            else if (name == "attempts") rule.attempts = static_cast<std::uint32_t>(number(value));
            else if (name == "age") rule.age = seconds_of(value);
        }
    }
    return rules;
}

// The domain itself, then ".parent" by ".parent", then "*".
template <class T>
const std::optional<T>& Routes::closest(const Rules& rules, std::string_view domain, std::optional<T> Rule::* property, bool and_rest) {
    static const std::optional<T> none;
    const auto look = [&](std::string_view pattern) -> const std::optional<T>* {
        const auto found = rules.find(pattern);
        return found != rules.end() && found->second.*property ? &(found->second.*property) : nullptr;
    };
    if (const auto* exact = look(domain)) return *exact;
    for (auto dot = domain.find('.'); dot != std::string_view::npos; dot = domain.find('.', dot + 1))
        if (const auto* below = look(domain.substr(dot))) return *below;
    if (const auto* rest = and_rest ? look("*") : nullptr) return *rest;
    return none;
}

std::string Routes::next_hop(std::string_view recipient, std::string_view reverse_path) const {
    std::string domain = domain_of(recipient);
    if (const auto& via = closest(destinations_, domain, &Rule::via, false)) return *via;
    if (const auto& via = closest(senders_, domain_of(reverse_path), &Rule::via, true)) return *via;
    if (const auto& via = closest(destinations_, domain, &Rule::via, true)) return *via;
    return domain;
}

DestinationLimits Routes::limits(std::string_view recipient) const {
    const std::string domain = domain_of(recipient);
    return {closest(destinations_, domain, &Rule::concurrency, true).value_or(limits_.concurrency),
            closest(destinations_, domain, &Rule::rate, true).value_or(limits_.rate)};
}

RetryPolicy Routes::retry(std::string_view recipient) const {
    const std::string domain = domain_of(recipient);
    RetryPolicy policy = retry_;
    if (const auto& delays = closest(destinations_, domain, &Rule::delays, true)) policy.delays = *delays;
    policy.max_attempts = closest(destinations_, domain, &Rule::attempts, true).value_or(policy.max_attempts);
    policy.max_age = closest(destinations_, domain, &Rule::age, true).value_or(policy.max_age);
    return policy;
}

} // namespace postern::qmgr
