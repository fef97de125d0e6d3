// What waits in the queue.
#include "apid/local/handlers.h"
#include "apid/local/resources.h"

namespace postern::api {

using ipc::ServiceId;

void list_queue(const Call& call) {
    ipc::QueueList page;
    if (!call.take_limit(page.limit)) return;
    if (const auto after = call.request.parameter("after"); !after.empty()) {
        const auto id = QueueId::parse(after);
        if (!id) return call.refuse(400, "after is a queue id");
        page.after = *id;
    }
    call.ask<ipc::QueueList>(ServiceId::qmgr, page, [call, limit = page.limit](const ipc::QueueListing& listing) {
        call.answer(200, page_of(listing.rows, queue_fields, limit, [](const auto& row) { return row.id.text(); })
                             .set("total", listing.total));
    });
}

void show_queued(const Call& call) {
    const auto id = QueueId::parse(call.parameters.at(0));
    if (!id) return call.refuse(400, "not a queue id");
    call.ask<ipc::QueueShow>(ServiceId::qmgr, {*id}, [call](const ipc::QueueEntry& entry) {
        if (!entry.found) return call.refuse(404, "no such message in the queue");
        json::Value recipients = json::Array{};
        for (const auto& recipient : entry.recipients) recipients.push(write_fields(recipient, queue_recipient_fields));
        call.answer(200, write_fields(entry.row, queue_fields)
                             .set("client", entry.client.view())
                             .set("account", entry.sender)
                             .set("recipients", std::move(recipients)));
    });
}

} // namespace postern::api
