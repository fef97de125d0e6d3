// What logd knows of a message, a connection or an address.
#include "apid/local/handlers.h"
#include "ipc/history.h"
#include "libcommon/log_record.h"

#include <fmt/core.h>

namespace postern::api {
namespace {

json::Value to_json(const ipc::HistoryEvent& event, const log::LogRecord& record) {
    json::Value fields = json::Array{};
    for (const log::RecordField& field : record.values)
        fields.push(json::Array{json::Value(field.key.view()), json::Value(field.value.view())});
    return json::Value()
        .set("time_us", record.time_us)
        .set("level", log::to_string(record.level))
        .set("source", event.source.view())
        .set("event", record.name.view())
        .set("fields", std::move(fields));
}

void answer(const Call& call, std::uint32_t skip, const ipc::HistoryTimeline& timeline) {
    if (timeline.status == ipc::HistoryStatus::busy) return call.refuse(503, "others ask already: try again in a moment");
    if (timeline.status == ipc::HistoryStatus::off) return call.refuse(409, "no history is kept: logging.history_size is 0");
    json::Value items = json::Array{};
    for (const ipc::HistoryEvent& event : timeline.events)
        if (const auto record = decode<log::LogRecord>(event.record)) items.push(to_json(event, *record));
    const std::uint64_t seen = skip + timeline.events.size();
    json::Value next;
    if (seen < timeline.total && !timeline.events.empty()) next = seen;
    call.answer(200, json::Value()
                         .set("items", std::move(items))
                         .set("next", std::move(next))
                         .set("total", timeline.total)
                         .set("truncated", timeline.truncated)
                         .set("history_from", timeline.history_from)
                         .set("log_files_from", timeline.log_files_from));
}

} // namespace

void show_history(const Call& call) {
    ipc::HistoryQuery query;
    std::uint64_t since = 0, skip = 0;
    if (!call.take_query("key", query.key)) return;
    if (query.key.empty()) return call.refuse(400, "key: a queue id, a trace id, a Message-ID or an address");
    if (!call.take_number("since", UINT32_MAX, 0, since) || !call.take_number("after", UINT32_MAX, 0, skip)) return;
    query.since = static_cast<std::int64_t>(since);
    query.skip = static_cast<std::uint32_t>(skip);
    call.ask<ipc::HistoryQuery>(ipc::ServiceId::logd, query, [call, skip = query.skip](const ipc::HistoryTimeline& timeline) {
        answer(call, skip, timeline);
    });
}

} // namespace postern::api
