#include "apid/http/response.h"

#include "libcommon/json.h"

#include <ctime>

#include <fmt/core.h>

namespace postern::http {
namespace {

struct Phrase {
    int status;
    std::string_view text;
};
constexpr Phrase phrases[] = {
    {100, "Continue"},           {200, "OK"},
    {201, "Created"},            {202, "Accepted"},
    {204, "No Content"},         {400, "Bad Request"},
    {403, "Forbidden"},          {404, "Not Found"},
    {405, "Method Not Allowed"}, {408, "Request Timeout"},
    {409, "Conflict"},           {413, "Content Too Large"},
    {414, "URI Too Long"},       {415, "Unsupported Media Type"},
    {417, "Expectation Failed"}, {422, "Unprocessable Content"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

} // namespace

std::string_view reason_phrase(int status) {
    for (const Phrase& phrase : phrases)
        if (phrase.status == status) return phrase.text;
    return "Unknown";
}

Response problem(int status, std::string_view detail) {
    json::Value body;
    body.set("type", "about:blank").set("title", reason_phrase(status)).set("status", status);
    if (!detail.empty()) body.set("detail", detail);
    return {.status = status, .content_type = "application/problem+json", .body = body.dump() + "\n", .headers = {}};
}

std::string http_date(std::int64_t seconds) {
    constexpr std::string_view days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const std::time_t time = seconds;
    std::tm t{};
    ::gmtime_r(&time, &t);
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", days[t.tm_wday], t.tm_mday, months[t.tm_mon],
                       t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

std::string to_bytes(const Response& response, bool head_only, bool keep_alive, std::int64_t now) {
    std::string out = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\n", response.status, reason_phrase(response.status),
                                  http_date(now));
    if (!response.content_type.empty()) out += fmt::format("Content-Type: {}\r\n", response.content_type);
    // RFC 9110 section 8.6: no Content-Length with 204.
    if (response.status != 204) out += fmt::format("Content-Length: {}\r\n", response.body.size());
    out += "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n";
    for (const auto& [name, value] : response.headers) out += fmt::format("{}: {}\r\n", name, value);
    if (!keep_alive) out += "Connection: close\r\n";
    out += "\r\n";
    if (!head_only && response.status != 204) out += response.body;
    return out;
}

} // namespace postern::http
