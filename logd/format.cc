#include "logd/format.h"

#include "libcommon/text.h"

#include <cstdio>
#include <ctime>

namespace postern::logd {
namespace {

// RFC 8259 section 7; bytes that are not UTF-8 are shown as \xNN text, so that every line is valid JSON.
void append_json(std::string& out, std::string_view value) {
    const std::string safe = is_utf8(value) ? std::string(value) : printable(value, value.size());
    out.push_back('"');
    for (unsigned char c : safe) {
        if (c == '"' || c == '\\') {
            out.push_back('\\');
            out.push_back(static_cast<char>(c));
        } else if (c < 0x20 || c == 0x7F) {
            char escaped[8];
            std::snprintf(escaped, sizeof escaped, "\\u%04x", c);
            out += escaped;
        } else {
            out.push_back(static_cast<char>(c));
        }
    }
    out.push_back('"');
}

std::string json_line(std::string_view source, const log::LogRecord& record) {
    std::string out = "{\"time\":\"" + timestamp(record.time_us) + "\",\"level\":\"" + std::string(to_string(record.level)) +
                      "\",\"source\":\"" + std::string(source) + "\",\"event\":";
    append_json(out, record.name);
    for (const log::RecordField& field : record.values) {
        out.push_back(',');
        append_json(out, field.key);
        out.push_back(':');
        append_json(out, field.value);
    }
    return out + "}\n";
}

} // namespace

// Thousands of events a second share their second: its text is made once.
std::string timestamp(std::int64_t time_us) {
    static thread_local time_t known = -1;
    static thread_local std::string text;
    if (const time_t seconds = static_cast<time_t>(time_us / 1'000'000); seconds != known) {
        tm parts{};
        ::gmtime_r(&seconds, &parts);
        char made[80];
        std::snprintf(made, sizeof made, "%04d-%02d-%02dT%02d:%02d:%02d.000000Z", parts.tm_year + 1900, parts.tm_mon + 1,
                      parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
        text = made;
        known = seconds;
    }
    std::string stamp = text;
    auto digit = stamp.end() - 1;                              // the Z
    for (std::int64_t rest = time_us % 1'000'000, n = 0; n < 6; ++n, rest /= 10) *--digit = static_cast<char>('0' + rest % 10);
    return stamp;
}

std::optional<std::int64_t> time_of_line(std::string_view line) {
    constexpr std::string_view json_head = "{\"time\":\"";
    if (line.starts_with(json_head)) line.remove_prefix(json_head.size());
    tm parts{};
    const std::string head(line.substr(0, 19));                // "2026-11-21T08:53:40"
    const char* end = ::strptime(head.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (head.size() != 19 || end != head.c_str() + head.size()) return std::nullopt;
    return ::timegm(&parts);
}

std::string format_line(Format format, std::string_view source, const log::LogRecord& record) {
    if (format == Format::json) return json_line(source, record);
    std::string line = timestamp(record.time_us);
    line.reserve(256);
    line.append(" ").append(to_string(record.level)).append(" ").append(source).append(" ");
    return line.append(log::to_text(record)).append("\n");
}

} // namespace postern::logd
