// One request on its way through a handler: what it asks, who asks, and the one answer it gets.
#pragma once

#include "apid/http/server.h"
#include "apid/local/fields.h"
#include "ipc/daemon.h"

#include <memory>

namespace postern::api {

struct Call {
    ipc::Daemon& daemon;
    http::Request request;
    http::Caller caller;
    std::vector<std::string> parameters;   // of the path
    TraceId trace = TraceId::make();
    http::Respond respond;

    ipc::Actor actor() const;
    void answer(int status, const json::Value& body) const;
    void refuse(int status, std::string_view why) const { respond(http::problem(status, why)); }

    // Path parameter or query value as a Text of the message; false: refused already.
    template <std::size_t N> bool take(std::string_view from, std::string_view name, Text<N>& into) const {
        if (from.size() <= N) return into.value = from, true;
        return refuse(400, std::string(name) + " is too long"), false;
    }
    template <std::size_t N> bool take_parameter(std::size_t index, Text<N>& into) const {
        return take(parameters.at(index), "the name in the path", into);
    }
    template <std::size_t N> bool take_query(std::string_view name, Text<N>& into) const {
        return take(request.parameter(name), name, into);
    }
    // "limit" and a numeric "after"; false: refused already.
    bool take_number(std::string_view name, std::uint64_t max, std::uint64_t fallback, std::uint64_t& into) const;
    bool take_limit(std::uint32_t& into) const;

    // The body as JSON; nothing: refused already.
    std::optional<json::Value> take_body() const;
    template <class C, class Fields> bool take_fields(C& into, const Fields& fields) const {
        const auto body = take_body();
        if (!body) return false;
        const auto read = read_fields(*body, into, fields);
        if (!read) refuse(400, read.error().message());
        return read.ok();
    }

    template <ipc::Request M> void ask(ipc::ServiceId service, const M& message,
                                  std::function<void(const typename M::Reply&)> done) const {
        daemon.link(service).call<M>(message, [call = *this, done = std::move(done)](Result<typename M::Reply> reply) {
            if (reply) return done(*reply);
            call.refuse(503, "a part of the suite does not answer: " + reply.error().message());
        }, std::chrono::seconds(60));
    }
    // A change: its result as a status, `good` (201, 204) when it was done.
    template <ipc::Request M> void change(const M& message, int good) const {
        ask<M>(ipc::ServiceId::authd, message,
               [call = *this, good](const ipc::AdminResult& result) { call.changed(result, good); });
    }
    void changed(const ipc::AdminResult& result, int good) const;
};

// A page of a listing: {"items": [...], "next": cursor or null}.
template <class Rows, class Fields, class Cursor>
json::Value page_of(const Rows& rows, const Fields& fields, std::uint32_t limit, Cursor cursor) {
    json::Value items = json::Array{};
    for (const auto& row : rows) items.push(write_fields(row, fields));
    json::Value next;
    if (rows.size() >= limit && !rows.empty()) next = cursor(rows.items.back());
    return json::Value().set("items", std::move(items)).set("next", std::move(next));
}

// The same where a row has grown: `more` are the further members of each, none where authd is of a version before.
template <class More, class MoreFields> json::Value with_more(const json::Value& page, const More& more, const MoreFields& more_fields) {
    json::Value items = json::Array{};
    std::size_t index = 0;
    for (const json::Value& item : *page["items"].array()) {
        items.push(merged(item, write_fields(index < more.size() ? more.items[index] : typename More::value_type{}, more_fields)));
        ++index;
    }
    return json::Value().set("items", std::move(items)).set("next", page["next"]);
}
template <class Rows, class More, class Fields, class MoreFields, class Cursor>
json::Value page_of(const Rows& rows, const More& more, const Fields& fields, const MoreFields& more_fields, std::uint32_t limit,
                    Cursor cursor) {
    return with_more(page_of(rows, fields, limit, cursor), more, more_fields);
}

} // namespace postern::api
