// One HTTP request, complete: what handlers get.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::http {

struct Header {
    std::string name;    // lower case
    std::string value;   // without the blanks around it
};

struct Request {
    std::string method;
    std::string target;      // as sent: "/api/v1/accounts?limit=10"
    std::string path;        // before the "?", not decoded: segments are, after splitting
    std::vector<std::pair<std::string, std::string>> query;   // decoded
    std::vector<Header> headers;
    std::string body;
    bool keep_alive = true;

    // The value of a header, given in lower case; empty when it is not there.
    std::string_view header(std::string_view name) const;
    // The value of a query parameter; empty when it is not there.
    std::string_view parameter(std::string_view name) const;
};

// RFC 3986 section 2.1; false for a broken escape or one that hides a NUL.
bool percent_decode(std::string_view text, std::string& out);
std::string percent_encode(std::string_view text);   // all but unreserved characters

} // namespace postern::http
