#include "apid/endpoints.h"

#include <map>

#include <fmt/core.h>

namespace postern::api {

std::vector<ProcessNumbers> read_pages(const ipc::Daemon& daemon) {
    std::vector<ProcessNumbers> processes;
    for (const auto& page : daemon.pages()) {
        auto samples = CounterPage::read(page.descriptor.get());
        processes.push_back({page.owner, samples ? std::move(*samples) : std::vector<CounterPage::Sample>()});
    }
    return processes;
}

http::Response metrics_response(const ipc::Daemon& daemon) {
    return {.status = 200, .content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = prometheus_text(read_pages(daemon)), .headers = {}};
}

http::Response health_response(const ipc::Daemon& daemon) { return health(read_pages(daemon)); }

// "/api/v1/accounts/{address}" as "/accounts/*": short, and well below Metric::max_labels.
std::string request_labels(std::string_view method, std::string_view endpoint, int status) {
    constexpr std::string_view methods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
    const bool known = std::find(std::begin(methods), std::end(methods), method) != std::end(methods);
    constexpr std::string_view prefix = "/api/v1";
    if (endpoint.starts_with(prefix)) endpoint.remove_prefix(prefix.size());
    std::string path;
    bool in_name = false;
    for (const char c : endpoint) {
        in_name = c == '{' || (in_name && c != '}');
        if (!in_name) path += c == '}' ? '*' : c;
    }
    return fmt::format("method=\"{}\",endpoint=\"{}\",status=\"{}\"", known ? method : "other", path, status);
}

// Bounded by the tables of routes and statuses; a method that is none of ours is "other".
void count_request(std::string_view method, std::string_view endpoint, int status) {
    static std::map<std::string, std::unique_ptr<Counter>> counters;
    auto labels = request_labels(method, endpoint, status);
    auto& counter = counters[labels];
    if (!counter) counter = std::make_unique<Counter>("api_requests_total", labels, "HTTP requests answered");
    counter->add();
}

http::Response no_such_route(const std::string& allow) {
    if (allow.empty()) return http::problem(404, "there is nothing here");
    auto response = http::problem(405, "not with this method");
    response.headers.emplace_back("Allow", allow);
    return response;
}

} // namespace postern::api
