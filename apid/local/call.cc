#include "apid/local/call.h"

#include "libcommon/text.h"

#include <fmt/core.h>

namespace postern::api {
namespace {

int status_of(ipc::AdminStatus status) {
    switch (status) {
    case ipc::AdminStatus::ok: return 200;
    case ipc::AdminStatus::invalid: return 400;
    case ipc::AdminStatus::not_found: return 404;
    case ipc::AdminStatus::exists:
    case ipc::AdminStatus::conflict: return 409;
    case ipc::AdminStatus::unavailable: return 503;
    }
    return 500;
}

} // namespace

ipc::Actor Call::actor() const {
    return {.trace = trace, .who = fmt::format("uid {}", caller.uid), .client = caller.address};
}

void Call::answer(int status, const json::Value& body) const {
    respond({.status = status, .content_type = "application/json", .body = body.dump() + "\n", .headers = {}});
}

bool Call::take_number(std::string_view name, std::uint64_t max, std::uint64_t fallback, std::uint64_t& into) const {
    const auto text = request.parameter(name);
    const auto number = text.empty() ? fallback : parse_number(text, max);
    if (number) return into = *number, true;
    refuse(400, fmt::format("{} is a number up to {}", name, max));
    return false;
}

bool Call::take_limit(std::uint32_t& into) const {
    std::uint64_t limit = 0;
    if (!take_number("limit", ipc::max_page, 100, limit)) return false;
    into = static_cast<std::uint32_t>(std::max<std::uint64_t>(limit, 1));
    return true;
}

std::optional<json::Value> Call::take_body() const {
    // A form can be sent by any web page a user looks at; JSON cannot, without asking first.
    const auto type = request.header("content-type");
    if (!iequals(trim(type.substr(0, type.find(';'))), "application/json"))
        return refuse(415, "the body must be application/json"), std::nullopt;
    auto body = json::parse(request.body);
    if (!body) return refuse(400, body.error().message()), std::nullopt;
    return std::move(*body);
}

void Call::changed(const ipc::AdminResult& result, int good) const {
    if (result.status != ipc::AdminStatus::ok) return refuse(status_of(result.status), result.reason);
    if (good == 204) return respond({.status = 204, .content_type = {}, .body = {}, .headers = {}});
    answer(good, json::Value().set("id", result.id));
}

} // namespace postern::api
