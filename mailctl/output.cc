#include "mailctl/output.h"

#include "libcommon/text.h"

#include <algorithm>
#include <ctime>

#include <fmt/core.h>

namespace postern::mailctl {
namespace {

// Columns a terminal uses: code points, near enough without a width table.
std::size_t width(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

bool has_control(std::string_view text) {
    return std::any_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f;
    });
}

} // namespace

std::string table(const std::vector<std::string>& head, const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::size_t> widths;
    for (const auto& cell : head) widths.push_back(width(cell));
    for (const auto& row : rows)
        for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i]));
    std::string out;
    const auto print = [&](const std::vector<std::string>& row) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            out += row[i];
            if (i + 1 < row.size()) out.append(widths[i] - width(row[i]) + 2, ' ');
        }
        while (out.ends_with(' ')) out.pop_back();
        out += '\n';
    };
    print(head);
    for (const auto& row : rows) print(row);
    return out;
}

std::string sheet(const std::vector<std::pair<std::string, std::string>>& lines) {
    std::size_t widest = 0;
    for (const auto& line : lines) widest = std::max(widest, width(line.first));
    std::string out;
    for (const auto& [name, value] : lines)
        out += name + std::string(value.empty() ? 0 : widest - width(name) + 2, ' ') + value + '\n';
    return out;
}

std::string amount(std::uint64_t bytes) {
    constexpr std::string_view units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    double value = static_cast<double>(bytes);
    while (value >= 1024 && unit + 1 < std::size(units)) value /= 1024, ++unit;
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string limit(const json::Value& value, bool is_bytes) {
    const auto number = value.number();
    if (!number) return "domain";
    if (*number == 0) return "none";
    return is_bytes ? amount(*number) : std::to_string(*number);
}

std::string size_limit(const json::Value& bytes) {
    const auto number = bytes.number().value_or(0);
    return number == 0 ? "server's" : amount(number);
}

std::string local_time(std::int64_t seconds) {
    if (seconds == 0) return "never";
    const std::time_t time = seconds;
    std::tm t{};
    ::localtime_r(&time, &t);
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", t.tm_year + 1900, t.tm_mon + 1, t.tm_mday, t.tm_hour,
                       t.tm_min, t.tm_sec);
}

std::string shown(const json::Value& value) {
    if (value.is_null()) return "";
    if (value.flag()) return *value.flag() ? "yes" : "no";
    if (value.text()) return has_control(*value.text()) ? printable(*value.text(), value.text()->size()) : *value.text();
    if (const json::Array* items = value.array()) {
        std::string out;
        for (const auto& item : *items) out += (out.empty() ? "" : " ") + shown(item);
        return out;
    }
    return value.dump();
}

} // namespace postern::mailctl
