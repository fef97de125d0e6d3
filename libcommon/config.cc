#include "libcommon/config.h"

#include "libcommon/codec.h"
#include "libcommon/text.h"

#include <cstdio>
#include <cstdlib>

namespace postern {
namespace {

[[noreturn]] void broken(std::string_view key, const char* what) {
    std::fprintf(stderr, "configuration key %.*s: %s\n", static_cast<int>(key.size()), key.data(), what);
    std::abort();
}

constexpr std::size_t max_value = 1024 * 1024;

} // namespace

Result<Config> Config::parse(std::string_view flat) {
    Config config;
    Reader in(flat);
    while (!in.at_end()) {
        Text<256> key;
        Text<max_value> value;
        if (!in.get(key) || !in.get(value)) return Error(Errc::bad_message, "malformed configuration slice");
        config.set(std::move(key.value), std::move(value.value));
    }
    return config;
}

std::string Config::flat() const {
    std::string out;
    Writer writer(out);
    for (const auto& [key, value] : values_) {
        writer.put(Text<256>(key));
        writer.put(Text<max_value>(value));
    }
    return out;
}

const std::string& Config::text(std::string_view key) const {
    const auto at = values_.find(key);
    if (at == values_.end()) broken(key, "not in this process's slice");
    return at->second;
}

std::uint64_t Config::number(std::string_view key) const {
    const auto value = parse_number(text(key));
    if (!value) broken(key, "not a number");
    return *value;
}

std::chrono::milliseconds Config::duration(std::string_view key) const {
    return std::chrono::milliseconds(number(key));
}

bool Config::flag(std::string_view key) const { return number(key) != 0; }

Rate Config::rate(std::string_view key) const {
    const auto parts = split(text(key), '/');
    const auto count = parse_number(parts[0]), period = parts.size() == 2 ? parse_number(parts[1]) : std::nullopt;
    if (!count || !period || *period == 0) broken(key, "not a rate");
    return {*count, std::chrono::milliseconds(*period)};
}

std::vector<Network> Config::networks(std::string_view key) const {
    std::vector<Network> networks;
    for (const std::string& item : list(key)) {
        const auto network = Network::parse(item);
        if (!network) broken(key, "not a list of networks");
        networks.push_back(*network);
    }
    return networks;
}

std::vector<std::string> Config::list(std::string_view key) const {
    std::vector<std::string> items;
    for (std::string_view line : split(text(key), '\n'))
        if (!line.empty()) items.emplace_back(line);
    return items;
}

} // namespace postern
