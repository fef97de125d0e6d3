// What waits in the queue.
#include "apid/local/handlers.h"
#include "apid/local/resources.h"

#include <algorithm>

namespace postern::api {

using ipc::ServiceId;

namespace {

json::Value notify_words(std::uint8_t bits) {
    constexpr std::pair<std::uint8_t, std::string_view> words[] = {
        {ipc::notify::never, "never"}, {ipc::notify::success, "success"},
        {ipc::notify::failure, "failure"}, {ipc::notify::delay, "delay"}};
    json::Value out = json::Array{};
    for (const auto& [bit, word] : words)
        if (bits & bit) out.push(word);
    return out;
}

json::Value recipients_of(const ipc::QueueEntry& entry) {
    const auto& dsn = entry.extensions.recipients;
    json::Value out = json::Array{};
    for (std::uint32_t i = 0; i < entry.recipients.size(); ++i) {
        json::Value recipient = write_fields(entry.recipients.items[i], queue_recipient_fields);
        const auto said = std::find_if(dsn.begin(), dsn.end(), [i](const auto& row) { return row.index == i; });
        recipient.set("notify", notify_words(said == dsn.end() ? ipc::notify::unsaid : said->notify));
        recipient.set("original_recipient", said == dsn.end() ? std::string_view() : said->original.view());
        out.push(std::move(recipient));
    }
    return out;
}

} // namespace

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
        call.answer(200, write_fields(entry.row, queue_fields)
                             .set("client", entry.client.view())
                             .set("account", entry.sender)
                             .set("body", to_string(entry.body))
                             .set("smtputf8", entry.extensions.smtputf8)
                             .set("require_tls", entry.extensions.require_tls)
                             .set("envelope_id", entry.extensions.envelope_id.view())
                             .set("return", to_string(entry.extensions.ret))
                             .set("hold_until", entry.extensions.hold_until)
                             .set("recipients", recipients_of(entry)));
    });
}

} // namespace postern::api
