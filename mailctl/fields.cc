#include "mailctl/fields.h"

#include "config/value.h"
#include "libcommon/text.h"

#include <algorithm>
#include <ctime>

#include <fmt/core.h>

namespace postern::mailctl {
namespace {

constexpr config::Option duration_option{"", config::Kind::duration, "", 0, INT64_MAX, {}, 0, ""};
constexpr config::Option size_option{"", config::Kind::size, "", 0, INT64_MAX, {}, 0, ""};

std::uint64_t number_of(std::string_view option, const std::string& text) {
    const auto number = parse_number(text, INT64_MAX);
    if (!number) throw Failure{exit_data, fmt::format("{}: a number is expected, not {}", option, text)};
    return *number;
}

std::uint64_t bytes_of(std::string_view option, const std::string& text) {
    const auto bytes = config::parse_value(size_option, text);
    if (!bytes) throw Failure{exit_data, fmt::format("{}: {}", option, bytes.error().message())};
    return number_of(option, *bytes);
}

std::uint64_t seconds_of(std::string_view option, const std::string& text, bool end) {
    std::tm day{};
    const char* rest = ::strptime(text.c_str(), "%Y-%m-%d", &day);
    const bool whole_day = rest && *rest == '\0';
    if (rest && !whole_day) rest = ::strptime(rest, "T%H:%M", &day);
    if (!rest || *rest != '\0')
        throw Failure{exit_data, fmt::format("{}: a day or a minute is expected, as 2026-12-31 or 2026-12-31T18:00, not {}", option, text)};
    if (whole_day && end) ++day.tm_mday;                   // mktime() knows how long months are
    day.tm_isdst = -1;
    return static_cast<std::uint64_t>(std::max<std::time_t>(std::mktime(&day), 1));
}

} // namespace

void copy_text(const Arguments& from, std::string_view option, json::Value& into, std::string_view member) {
    if (from.has(option)) into.set(std::string(member), from.one(option));
}

void copy_number(const Arguments& from, std::string_view option, json::Value& into, std::string_view member) {
    if (from.has(option)) into.set(std::string(member), number_of(option, from.one(option)));
}

void copy_list(const Arguments& from, std::string_view option, json::Value& into, std::string_view member) {
    if (!from.has(option)) return;
    json::Value items = json::Array{};
    for (const auto item : split(from.one(option), ','))
        if (!trim(item).empty()) items.push(trim(item));
    into.set(std::string(member), std::move(items));
}

void copy_switch(const Arguments& from, std::string_view option, json::Value& into, std::string_view member) {
    if (!from.has(option)) return;
    const std::string& text = from.one(option);
    if (text != "on" && text != "off") throw Failure{exit_data, fmt::format("{}: on or off is expected, not {}", option, text)};
    into.set(std::string(member), text == "on");
}

void copy_quota(const Arguments& from, std::string_view option, json::Value& into, std::string_view member, bool is_bytes,
                bool inherits) {
    if (!from.has(option)) return;
    const std::string& text = from.one(option);
    if (text == "none") into.set(std::string(member), 0);
    else if (inherits && text == "domain") into.set(std::string(member), nullptr);
    else into.set(std::string(member), is_bytes ? bytes_of(option, text) : number_of(option, text));
}

void copy_size(const Arguments& from, std::string_view option, json::Value& into, std::string_view member) {
    if (!from.has(option)) return;
    const std::string& text = from.one(option);
    into.set(std::string(member), text == "default" ? 0 : bytes_of(option, text));
}

void copy_time(const Arguments& from, std::string_view option, json::Value& into, std::string_view member, bool end) {
    if (!from.has(option)) return;
    const std::string& text = from.one(option);
    into.set(std::string(member), text == "none" ? 0 : seconds_of(option, text, end));
}

json::Value array_of(const std::vector<std::string>& items) {
    json::Value array = json::Array{};
    for (const auto& item : items) array.push(item);
    return array;
}

std::optional<std::uint64_t> seconds_in(const Arguments& from, std::string_view option) {
    if (!from.has(option)) return std::nullopt;
    const auto value = config::parse_value(duration_option, from.one(option));
    const auto milliseconds = value ? parse_number(*value, INT64_MAX) : std::nullopt;
    if (!milliseconds) throw Failure{exit_data, std::string(option) + ": " + (value ? "too long" : value.error().message())};
    return *milliseconds / 1000;
}

std::string encoded(std::string_view text) {
    constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~@";
    std::string out;
    for (const char c : text)
        out += plain.find(c) != plain.npos ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    return out;
}

std::string target(std::string_view collection, std::string_view name) {
    return fmt::format("/api/v1/{}/{}", collection, encoded(name));
}

} // namespace postern::mailctl
