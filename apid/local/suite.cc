// The suite as a whole: what master knows and can do.
#include "apid/endpoints.h"
#include "apid/local/handlers.h"
#include "apid/local/routes.h"
#include "libcommon/log.h"

#include <algorithm>

namespace postern::api {

using ipc::ControlAnswer;
using ipc::ControlStatus;
using ipc::ControlVerb;

namespace {

constexpr std::string_view state_names[] = {"starting", "running", "draining", "backing-off"};

std::string_view to_string(ipc::ProcessState state) {
    return state_names[std::min<std::size_t>(static_cast<std::size_t>(state), std::size(state_names) - 1)];
}

json::Value to_json(const ControlAnswer& process) {
    return json::Value()
        .set("service", ipc::to_string(process.service))
        .set("instance", process.instance)
        .set("state", to_string(process.state))
        .set("pid", process.pid)
        .set("uid", process.uid)
        .set("generation", process.generation)
        .set("restarts", process.restarts)
        .set("started", process.started);
}

// Rows of master's table, one question each, until it says there are no more.
void gather_processes(const Call& call, std::vector<ControlAnswer> so_far,
                      std::function<void(std::vector<ControlAnswer>)> done) {
    constexpr std::size_t most = 1024;
    call.daemon.control(ControlVerb::process, so_far.size(),
                        [call, so_far, done](Result<ControlAnswer> answer, const std::string&) mutable {
        if (!answer) return call.refuse(503, "master does not answer: " + answer.error().message());
        if (answer->status != ControlStatus::ok || so_far.size() >= most) return done(std::move(so_far));
        so_far.push_back(*answer);
        gather_processes(call, std::move(so_far), done);
    });
}

void control(const Call& call, ControlVerb verb, std::uint64_t argument, int good) {
    call.daemon.control(verb, argument, [call, good](Result<ControlAnswer> answer, const std::string& text) {
        if (!answer) return call.refuse(503, "master does not answer: " + answer.error().message());
        if (answer->status != ControlStatus::ok)
            return call.refuse(answer->status == ControlStatus::failed ? 409 : 403, text.empty() ? "master refused" : text);
        call.respond({.status = good, .content_type = {}, .body = {}, .headers = {}});
    });
}

} // namespace

void show_status(const Call& call) {
    gather_processes(call, {}, [call](std::vector<ControlAnswer> processes) {
        std::size_t running = 0, restarts = 0;
        const bool upgrading = !processes.empty() && processes.front().upgrading;
        for (const auto& process : processes) {
            running += process.state == ipc::ProcessState::running;
            restarts += process.restarts;
        }
        call.answer(200, json::Value()
                             .set("status", running == processes.size() ? "running" : "degraded")
                             .set("hostname", call.daemon.config().text("server.hostname"))
                             .set("version", POSTERN_VERSION)
                             .set("processes", processes.size())
                             .set("running", running)
                             .set("restarts", restarts)
                             .set("upgrading", upgrading));
    });
}

void list_processes(const Call& call) {
    gather_processes(call, {}, [call](std::vector<ControlAnswer> processes) {
        json::Value items = json::Array{};
        for (const auto& process : processes) items.push(to_json(process));
        call.answer(200, json::Value().set("items", std::move(items)).set("next", nullptr));
    });
}

void show_config(const Call& call) {
    call.daemon.control(ControlVerb::show_config, 0, [call](Result<ControlAnswer> answer, const std::string& text) {
        if (!answer) return call.refuse(503, "master does not answer: " + answer.error().message());
        call.respond({.status = 200, .content_type = "text/plain; charset=utf-8", .body = text, .headers = {}});
    });
}

void reload(const Call& call) { control(call, ControlVerb::reload, 0, 204); }
void upgrade(const Call& call) { control(call, ControlVerb::upgrade, 0, 202); }
void stop(const Call& call) { control(call, ControlVerb::stop, 0, 202); }

void set_log_level(const Call& call) {
    const auto body = call.take_body();
    if (!body) return;
    const std::string* name = (*body)["level"].text();
    log::Level level{};
    if (!name || !log::parse_level(*name, level)) return call.refuse(400, "level: one of debug, info, warning, error");
    control(call, ControlVerb::log_level, static_cast<std::uint64_t>(level), 204);
}

void show_openapi(const Call& call) { call.answer(200, openapi_document()); }
void show_health(const Call& call) { call.respond(health_response(call.daemon)); }
void show_metrics(const Call& call) { call.respond(metrics_response(call.daemon)); }

} // namespace postern::api
