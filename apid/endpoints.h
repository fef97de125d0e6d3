// What api-front and api-local share: the two endpoints that only read counter pages, and counting of requests.
#pragma once

#include "apid/http/server.h"
#include "apid/metrics.h"
#include "ipc/daemon.h"

namespace postern::api {

std::vector<ProcessNumbers> read_pages(const ipc::Daemon& daemon);

http::Response metrics_response(const ipc::Daemon& daemon);
http::Response health_response(const ipc::Daemon& daemon);

// api_requests_total by method, route and status; `endpoint` is a route's template, never what the client typed.
std::string request_labels(std::string_view method, std::string_view endpoint, int status);
void count_request(std::string_view method, std::string_view endpoint, int status);

// 404, or 405 with Allow.
http::Response no_such_route(const std::string& allow);

} // namespace postern::api
