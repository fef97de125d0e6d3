#include "apid/http/head_check.h"

#include "libcommon/text.h"

#include <algorithm>

namespace postern::http {
namespace {

// RFC 9110 section 5.6.2.
bool is_token(std::string_view text) {
    constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
               marks.find(c) != marks.npos;
    });
}
bool is_visible(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}
// Section 5.5: visible characters, blanks, and bytes above ASCII; no other control.
bool is_field_value(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
    });
}

// Section 2.2: lines end in CRLF; a bare CR or LF is an error, whatever a recipient may do.
bool split_lines(std::string_view text, std::vector<std::string_view>& lines) {
    while (!text.empty()) {
        const auto end = text.find('\n');
        if (end == text.npos || end == 0 || text[end - 1] != '\r') return false;
        const auto line = text.substr(0, end - 1);
        if (line.find('\r') != line.npos) return false;
        lines.push_back(line);
        text.remove_prefix(end + 1);
    }
    return true;
}

// RFC 9112 section 3.
std::optional<Refusal> check_request_line(std::string_view line, Head& head) {
    const auto parts = split(line, ' ');
    if (parts.size() != 3 || !is_token(parts[0]) || !is_visible(parts[1])) return Refusal{400, "malformed request line"};
    if (parts[1].size() > max_target) return Refusal{414, "request target too long"};
    if (parts[2] != "HTTP/1.1" && parts[2] != "HTTP/1.0")
        return parts[2].starts_with("HTTP/") ? Refusal{505, "HTTP/1.1 is spoken here"}
                                             : Refusal{400, "malformed request line"};
    head.method = parts[0];
    head.target = parts[1];
    head.http_1_1 = parts[2] == "HTTP/1.1";
    return std::nullopt;
}

// Section 5.1: no blank before the colon; section 5.2: no folded line.
std::optional<Refusal> check_header(std::string_view line, Head& head) {
    if (line.front() == ' ' || line.front() == '\t') return Refusal{400, "folded header line"};
    const auto colon = line.find(':');
    if (colon == line.npos || !is_token(line.substr(0, colon))) return Refusal{400, "malformed header line"};
    const auto value = trim(line.substr(colon + 1));
    if (!is_field_value(value)) return Refusal{400, "control character in a header"};
    if (head.headers.size() >= max_headers) return Refusal{431, "too many headers"};
    head.headers.push_back({ascii_lower(line.substr(0, colon)), std::string(value)});
    return std::nullopt;
}

// Section 6.3: one way to tell the length of the body, or none.
std::optional<Refusal> check_framing(Head& head) {
    std::size_t lengths = 0, encodings = 0;
    for (const Header& header : head.headers) {
        if (header.name == "content-length") {
            ++lengths;
            head.length = parse_number(header.value);
            if (!head.length) return Refusal{400, "malformed Content-Length"};
        }
        if (header.name == "transfer-encoding") {
            ++encodings;
            head.chunked = iequals(header.value, "chunked");
            if (!head.chunked) return Refusal{501, "only the chunked transfer coding"};
        }
    }
    if (lengths > 1) return Refusal{400, "more than one Content-Length"};
    if (encodings > 1) return Refusal{400, "more than one Transfer-Encoding"};
    if (lengths != 0 && encodings != 0) return Refusal{400, "Content-Length with Transfer-Encoding"};
    if (encodings != 0 && !head.http_1_1) return Refusal{400, "Transfer-Encoding in HTTP/1.0"};
    return std::nullopt;
}

std::optional<Refusal> check_host_and_expect(Head& head) {
    std::size_t hosts = 0;
    for (const Header& header : head.headers) {
        if (header.name == "host") ++hosts;
        if (header.name == "upgrade") return Refusal{400, "no other protocol is spoken here"};
        if (header.name != "expect") continue;
        if (!iequals(header.value, "100-continue")) return Refusal{417, "only 100-continue can be expected"};
        head.expects_continue = head.http_1_1;                     // RFC 9110 section 10.1.1
    }
    if (hosts > 1 || (hosts == 0 && head.http_1_1)) return Refusal{400, "exactly one Host"};   // section 3.2
    return std::nullopt;
}

} // namespace

std::optional<Refusal> check_head(std::string_view text, Head& head) {
    std::vector<std::string_view> lines;
    if (!split_lines(text, lines)) return Refusal{400, "lines end in CRLF"};
    if (lines.size() < 2 || !lines.back().empty()) return Refusal{400, "malformed request"};
    lines.pop_back();
    if (auto refused = check_request_line(lines[0], head)) return refused;
    for (std::size_t i = 1; i < lines.size(); ++i) {
        if (lines[i].empty()) return Refusal{400, "malformed request"};
        if (auto refused = check_header(lines[i], head)) return refused;
    }
    if (auto refused = check_framing(head)) return refused;
    return check_host_and_expect(head);
}

} // namespace postern::http
