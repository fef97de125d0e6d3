// The management API: one row per operation. The router and the OpenAPI document read the same rows.
#pragma once

#include "apid/local/call.h"

#include <span>

namespace postern::api {

struct Route {
    std::string_view method, path;
    std::string_view summary;
    void (*handle)(const Call& call);
    json::Value (*body)() = nullptr;      // schema of what is sent
    json::Value (*result)() = nullptr;    // schema of a 200 answer; none: see `good`
    int good = 200;
    bool pages = false;                   // takes ?limit and ?after
};

std::span<const Route> routes();

// OpenAPI 3.1.
json::Value openapi_document();

} // namespace postern::api
