#include "apid/front/service.h"

#include "apid/endpoints.h"
#include "apid/http/router.h"
#include "libcommon/log.h"

#include <stdexcept>

namespace postern::api {
namespace {

struct Route {
    std::string_view method, path;
    http::Response (*answer)(const ipc::Daemon& daemon);
};
constexpr Route routes[] = {
    {"GET", "/health", health_response},
    {"GET", "/metrics", metrics_response},
};

} // namespace

FrontService::FrontService(ipc::Daemon& daemon)
    : daemon_(daemon), certificates_(daemon, "api", "http/1.1"), server_(daemon.loop(), {}, [this](http::Request request, const http::Caller&, http::Respond respond) {
          std::string_view endpoint = "none";
          auto response = answer(request, endpoint);
          count_request(request.method, endpoint, response.status);
          respond(std::move(response));
      }) {
    if (auto listening = listen(); !listening) throw std::runtime_error(listening.error().message());
    daemon_.on_reload([this] {
        if (auto listening = listen(); !listening)
            log::error("api.reload.failed", {{"why", listening.error().message()}});
    });
    daemon_.on_drain([this] { server_.drain([this] { daemon_.drained(); }); });
}

// At the start a certificate that cannot be used stops us; at a reload the one in use stays.
Result<void> FrontService::listen() {
    auto context = certificates_.load();
    if (!context) return context.error();
    std::vector<Fd> sockets;
    for (auto& listener : daemon_.listeners()) sockets.push_back(std::move(listener.socket));
    server_.listen(std::move(sockets), std::move(*context));
    return {};
}

http::Response FrontService::answer(const http::Request& request, std::string_view& endpoint) {
    static const auto patterns = http::patterns_of(std::span<const Route>(routes));
    http::NoMatch none;
    const auto found = http::match(patterns, request, none);
    if (!found) return no_such_route(none.allow);
    endpoint = routes[found->route].path;
    return routes[found->route].answer(daemon_);
}

} // namespace postern::api
