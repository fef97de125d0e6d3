// A response, and its bytes. Pure: the clock comes in.
#pragma once

#include "apid/http/request.h"

#include <cstdint>

namespace postern::http {

struct Response {
    int status = 200;
    std::string content_type;   // empty: no body is sent
    std::string body;
    std::vector<std::pair<std::string, std::string>> headers;   // further ones: "Allow", "Location"
};

std::string_view reason_phrase(int status);

// RFC 9457: what went wrong, for programs and people.
Response problem(int status, std::string_view detail);

// RFC 9110 section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string http_date(std::int64_t seconds);

// `head_only`: the answer to HEAD has the headers of GET and no body (section 9.3.2).
std::string to_bytes(const Response& response, bool head_only, bool keep_alive, std::int64_t now);

} // namespace postern::http
