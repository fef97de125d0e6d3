// Routes as a table: "/api/v1/domains/{name}" with a method. Literal segments win over parameters by their place in
// the table; a path that exists with another method is 405 with Allow.
#pragma once

#include "apid/http/request.h"

#include <optional>
#include <span>

namespace postern::http {

struct RoutePattern {
    std::string_view method;   // "GET" answers HEAD too
    std::string_view path;
};

struct Match {
    std::size_t route = 0;                 // its place in the table
    std::vector<std::string> parameters;   // in the order of the template
};
struct NoMatch {
    std::string allow;   // methods the path has; empty: there is no such path
};

// `route(i)` is the pattern of the table's i-th row.
template <class Row> std::vector<RoutePattern> patterns_of(std::span<const Row> table) {
    std::vector<RoutePattern> patterns;
    for (const Row& row : table) patterns.push_back({row.method, row.path});
    return patterns;
}

std::optional<Match> match(std::span<const RoutePattern> patterns, const Request& request, NoMatch& none);

} // namespace postern::http
