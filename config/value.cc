#include "config/value.h"

#include "config/destination_rule.h"
#include "libcommon/network.h"
#include "libcommon/text.h"

#include <algorithm>
#include <arpa/inet.h>
#include <iterator>
#include <span>

namespace postern::config {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};
constexpr Unit plain_units[] = {{"", 1}};
constexpr Unit size_units[] = {{"", 1}, {"B", 1}, {"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30},
                               {"KB", 1000}, {"MB", 1000'000}, {"GB", 1000'000'000}};
constexpr Unit duration_units[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3600'000},
                                   {"d", 86400'000}};

Error not_a(std::string_view what, std::string_view written) {
    return Error(Errc::invalid, "\"" + printable(written, 60) + "\" is not " + std::string(what));
}

Result<std::string> measured(const Option& option, std::string_view written, std::span<const Unit> units,
                             std::string_view what) {
    const auto digits = std::min(written.find_first_not_of("0123456789"), written.size());
    const auto count = parse_number(written.substr(0, digits));
    const std::string_view unit = trim(written.substr(digits));
    const auto known = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return iequals(u.name, unit); });
    if (!count || known == units.end() || *count > UINT64_MAX / known->factor) return not_a(what, written);
    const std::uint64_t value = *count * known->factor;
    if (value < option.min || value > option.max)
        return Error(Errc::invalid, "\"" + std::string(written) + "\" is out of range: " + std::to_string(option.min) +
                                        " to " + std::to_string(option.max) +
                                        (option.kind == Kind::duration ? " ms" : option.kind == Kind::size ? " bytes" : ""));
    return std::to_string(value);
}

// "100/1h"; a count of 0 would be a way to lock everybody out by mistake.
Result<std::string> rate_value(std::string_view written) {
    constexpr std::uint64_t most = UINT32_MAX, second = 1000, day = 86400'000;
    constexpr std::string_view what = "a rate like 100/1h, or off";
    if (ascii_lower(written) == "off") return std::string("0/1000");
    const auto slash = written.find('/');
    const auto count = parse_number(trim(written.substr(0, slash)), most);
    if (!count || *count == 0 || slash == std::string_view::npos) return not_a(what, written);
    const Option period{{}, Kind::duration, {}, second, day, {}, 0, {}};
    auto in_ms = measured(period, trim(written.substr(slash + 1)), duration_units, what);
    if (!in_ms) return in_ms;
    return std::to_string(*count) + "/" + *in_ms;
}

Result<std::string> flag_value(std::string_view written) {
    const std::string word = ascii_lower(written);
    for (const char* yes : {"true", "yes", "on", "1"}) if (word == yes) return std::string("1");
    for (const char* no : {"false", "no", "off", "0"}) if (word == no) return std::string("0");
    return not_a("true or false", written);
}

Result<std::string> choice_value(const Option& option, std::string_view written) {
    const auto choices = split(option.choices, '|');
    if (std::find(choices.begin(), choices.end(), written) != choices.end()) return std::string(written);
    return not_a("one of " + std::string(option.choices), written);
}

// In the largest unit that leaves no fraction, if one does: "64KiB", "1s", "998".
std::string shown(std::uint64_t value, std::span<const Unit> units) {
    constexpr Unit none{"", 1};
    const Unit* best = &none;
    for (const Unit& unit : units)
        if (value != 0 && value % unit.factor == 0 && !unit.name.empty() && unit.factor >= best->factor && unit.name != "B") best = &unit;
    return std::to_string(value / best->factor) + std::string(best->name);
}

// In the order of Kind.
constexpr std::string_view kind_names[] = {"text", "path", "number", "size", "duration", "true, false", "choice", "COUNT/DURATION, off",
                                           "list", "networks", "addresses", "loopback addresses", "durations", "rules", "addresses"};
static_assert(std::size(kind_names) == static_cast<std::size_t>(Kind::servers) + 1);

bool is_list(Kind kind) { return kind >= Kind::list; }

} // namespace

std::string allowed_values(const Option& option) {
    const auto between = [&](std::span<const Unit> units) { return shown(option.min, units) + " to " + shown(option.max, units); };
    switch (option.kind) {
    case Kind::number: return between(plain_units);
    case Kind::size: return between(size_units);
    case Kind::duration: return between(duration_units);
    case Kind::choice: {
        std::string choices;
        for (const std::string_view choice : split(option.choices, '|')) choices.append(choices.empty() ? "" : ", ").append(choice);
        return choices;
    }
    default: return std::string(kind_names[static_cast<std::size_t>(option.kind)]);
    }
}

Result<HostPort> parse_address(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) return not_a("an address like 127.0.0.1:25 or [::1]:25", text);
    const auto port = parse_number(text.substr(colon + 1), 65535);
    std::string host(text.substr(0, colon));
    unsigned char binary[16];
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
        if (port && ::inet_pton(AF_INET6, host.c_str(), binary) == 1) return HostPort{host, static_cast<std::uint16_t>(*port)};
    } else if (port && ::inet_pton(AF_INET, host.c_str(), binary) == 1) {
        return HostPort{host, static_cast<std::uint16_t>(*port)};
    }
    return not_a("an address like 127.0.0.1:25 or [::1]:25", text);
}

Result<std::string> parse_value(const Option& option, std::string_view written) {
    if (written.find('\n') != std::string_view::npos || written.find('\0') != std::string_view::npos)
        return Error(Errc::invalid, "a value is one line");
    switch (option.kind) {
    case Kind::text: return std::string(written);
    case Kind::path:
        if (written.empty() || written.front() == '/') return std::string(written);
        return not_a("an absolute path", written);
    case Kind::number: return measured(option, written, plain_units, "a number");
    case Kind::size: return measured(option, written, size_units, "a size like 25MiB");
    case Kind::duration: return measured(option, written, duration_units, "a duration like 30s or 5min");
    case Kind::flag: return flag_value(written);
    case Kind::choice: return choice_value(option, written);
    case Kind::rate: return rate_value(written);
    case Kind::rules: return parse_values(option, written.empty() ? std::vector<std::string>() : std::vector<std::string>{std::string(written)});
    case Kind::list:
    case Kind::networks:
    case Kind::addresses:
    case Kind::loopback:
    case Kind::durations:
    case Kind::servers: {
        std::vector<std::string> parts;
        for (std::string_view part : split(written, ' '))
            if (!trim(part).empty()) parts.emplace_back(trim(part));
        return parse_values(option, parts);
    }
    }
    return Error(Errc::unsupported, "an option of no kind");
}

namespace {

// As host:port, whether it was written with a port or as an address alone.
Result<std::string> server_address(const std::string& written) {
    const auto bare = IpAddress::parse(written);
    if (bare) return bare->is_v4() ? bare->text() + ":53" : "[" + bare->text() + "]:53";
    const auto address = parse_address(written);
    if (!address || address->port == 0) return not_a("an address like 192.0.2.1, 192.0.2.1:5353 or [2001:db8::1]:53", written);
    return written;
}

// One item of a list, as it goes to the processes.
Result<std::string> item_value(const Option& option, const std::string& item) {
    switch (option.kind) {
    case Kind::addresses:
    case Kind::loopback: {
        auto address = parse_address(item);
        if (!address) return address.error();
        if (option.kind == Kind::loopback && !IpAddress::parse(address->host)->is_loopback()) return not_a("a loopback address", item);
        return item;
    }
    case Kind::networks:
        if (!Network::parse(item)) return not_a("an address or a network like 192.0.2.0/24", item);
        return item;
    case Kind::servers: return server_address(item);
    case Kind::durations: return measured(option, item, duration_units, "a duration like 30s or 5min");
    case Kind::rules: return destination_rule(item);
    default: return item;
    }
}

} // namespace

Result<std::string> parse_values(const Option& option, const std::vector<std::string>& written) {
    if (!is_list(option.kind)) return Error(Errc::invalid, "takes one value, not a list");
    std::string lines;
    for (const std::string& item : written) {
        if (item.find('\n') != std::string::npos) return Error(Errc::invalid, "a value is one line");
        auto value = item_value(option, item);
        if (!value) return value;
        lines += *value + "\n";
    }
    return lines;
}

} // namespace postern::config
