#include "apid/local/service.h"

#include "apid/endpoints.h"
#include "apid/local/routes.h"
#include "libcommon/log.h"
#include "libcommon/text.h"

#include <sys/socket.h>

namespace postern::api {

LocalService::LocalService(ipc::Daemon& daemon, Access access)
    : daemon_(daemon), access_(access), patterns_(http::patterns_of(routes())),
      server_(daemon.loop(), {}, [this](http::Request request, const http::Caller& caller, http::Respond respond) {
          handle(std::move(request), caller, std::move(respond));
      }) {
    listen();
    daemon_.on_reload([this] { listen(); });
    daemon_.on_drain([this] { server_.drain([this] { daemon_.drained(); }); });
}

void LocalService::listen() {
    std::vector<Fd> sockets;
    for (auto& listener : daemon_.listeners()) sockets.push_back(std::move(listener.socket));
    server_.listen(std::move(sockets), nullptr, [this](int socket, http::Caller& caller) { return admit(socket, caller); });
}

bool LocalService::admit(int socket, http::Caller& caller) const {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
    std::uint32_t groups[256];
    socklen_t groups_size = sizeof groups;
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups, &groups_size) != 0) groups_size = 0;
    caller.uid = peer.uid;
    if (access_.allows(peer.uid, peer.gid, {groups, groups_size / sizeof groups[0]})) return true;
    log::warning("api.refused", {{"uid", peer.uid}, {"pid", peer.pid}});
    return false;
}

void LocalService::handle(http::Request request, const http::Caller& caller, http::Respond respond) {
    http::NoMatch none;
    auto found = http::match(patterns_, request, none);
    if (!found) {
        auto response = no_such_route(none.allow);
        count_request(request.method, "none", response.status);
        return respond(std::move(response));
    }
    const Route& route = routes()[found->route];
    const TraceId trace = TraceId::make();
    const bool changes = route.method != "GET";
    auto counted = [respond = std::move(respond), &route, changes, trace, uid = caller.uid,
                    method = request.method, path = request.path](http::Response response) {
        count_request(method, route.path, response.status);
        if (changes)
            log::info("api.change", {{"session", trace.text()}, {"uid", uid}, {"method", method},
                                     {"path", printable(path)}, {"status", response.status}});
        respond(std::move(response));
    };
    route.handle(Call{.daemon = daemon_, .request = std::move(request), .caller = caller,
                      .parameters = std::move(found->parameters), .trace = trace, .respond = std::move(counted)});
}

} // namespace postern::api
