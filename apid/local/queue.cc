// What waits in the queue, and what an operator does about it.
#include "apid/local/handlers.h"
#include "apid/local/resources.h"
#include "libcommon/text.h"
#include "libmail/next_hop.h"

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
        const auto forwarded = std::find_if(entry.forwarded.begin(), entry.forwarded.end(), [i](const auto& row) { return row.index == i; });
        if (forwarded != entry.forwarded.end()) recipient.set("reverse_path", forwarded->reverse_path.view());
        out.push(std::move(recipient));
    }
    return out;
}

constexpr std::size_t max_time = INT64_MAX;

// ?sender, ?recipient, ?domain, ?state, ?error, ?arrived_before, ?arrived_after; false: refused already.
bool take_filter(const Call& call, ipc::QueueFilter& filter) {
    std::uint64_t before = 0, after = 0;
    if (!call.take_query("sender", filter.sender) || !call.take_query("recipient", filter.recipient) ||
        !call.take_query("domain", filter.domain) || !call.take_query("state", filter.state) || !call.take_query("error", filter.error) ||
        !call.take_number("arrived_before", max_time, 0, before) || !call.take_number("arrived_after", max_time, 0, after))
        return false;
    filter.arrived_before = static_cast<std::int64_t>(before);
    filter.arrived_after = static_cast<std::int64_t>(after);
    return true;
}

json::Value cursor(const QueueId& next) { return next == QueueId{} ? json::Value() : json::Value(next.text()); }

std::optional<QueueId> message_id(const Call& call) {
    const auto id = QueueId::parse(call.parameters.at(0));
    if (id) return *id;
    call.refuse(400, "not a queue id");
    return std::nullopt;
}

} // namespace

void list_queue(const Call& call) {
    ipc::QueueList page;
    if (!call.take_limit(page.limit) || !take_filter(call, page)) return;
    if (const auto after = call.request.parameter("after"); !after.empty()) {
        const auto id = QueueId::parse(after);
        if (!id) return call.refuse(400, "after is a queue id");
        page.after = *id;
    }
    call.ask<ipc::QueueList>(ServiceId::qmgr, page, [call](const ipc::QueueListing& listing) {
        json::Value items = json::Array{};
        for (const ipc::QueueRow& row : listing.rows) items.push(write_fields(row, queue_fields));
        call.answer(200, json::Value().set("items", std::move(items)).set("next", cursor(listing.next)).set("total", listing.total));
    });
}

void show_queued(const Call& call) {
    const auto id = message_id(call);
    if (!id) return;
    call.ask<ipc::QueueShow>(ServiceId::qmgr, {*id}, [call](const ipc::QueueEntry& entry) {
        if (!entry.found) return call.refuse(404, "no such message in the queue");
        call.answer(200, write_fields(entry.row, queue_fields)
                             .set("client", entry.client.view())
                             .set("account", ipc::is_local_user(entry.sender) ? 0 : entry.sender)
                             .set("local_uid", ipc::is_local_user(entry.sender) ? json::Value(entry.sender - ipc::first_local_user) : json::Value())
                             .set("body", to_string(entry.body))
                             .set("smtputf8", entry.extensions.smtputf8)
                             .set("require_tls", entry.extensions.require_tls)
                             .set("envelope_id", entry.extensions.envelope_id.view())
                             .set("return", to_string(entry.extensions.ret))
                             .set("hold_until", entry.extensions.hold_until)
                             .set("recipients", recipients_of(entry)));
    });
}

// The message as it will be sent, a piece from ?from on; an empty one is the end.
void read_queued(const Call& call) {
    ipc::QueueRead ask;
    const auto id = message_id(call);
    if (!id || !call.take_number("from", UINT64_MAX, 0, ask.from)) return;
    ask.id = *id;
    call.ask<ipc::QueueRead>(ServiceId::qmgr, ask, [call](const ipc::QueueContent& content) {
        if (!content.found) return call.refuse(404, "no such message in the queue");
        call.respond({200, "application/octet-stream", content.bytes.value, {{"Postern-Total", std::to_string(content.total)}}});
    });
}

// A step over some messages: the asker goes on from "next" until there is none.
void act_on_queue(const Call& call) {
    ipc::QueueAct ask;
    if (!call.take_fields(ask, queue_act_fields)) return;
    if (const auto hop = mail::parse_next_hop(ask.next_hop.view()); !ask.next_hop.value.empty() && !hop)
        return call.refuse(400, hop.error().message());
    ask.actor = call.actor();
    call.ask<ipc::QueueAct>(ServiceId::qmgr, ask, [call](const ipc::QueueActed& acted) {
        call.answer(200, json::Value().set("messages", acted.messages).set("recipients", acted.recipients).set("next", cursor(acted.next)));
    });
}

void edit_queued_recipient(const Call& call) {
    ipc::EditRecipient ask;
    const auto id = message_id(call);
    if (!id || !call.take(call.parameters.at(1), "the recipient", ask.recipient) || !call.take_fields(ask, new_recipient_fields)) return;
    ask.actor = call.actor();
    ask.id = *id;
    call.ask<ipc::EditRecipient>(ServiceId::qmgr, ask, [call](const ipc::AdminResult& result) { call.changed(result, 204); });
}

void show_queue_statistics(const Call& call) {
    call.ask<ipc::QueueStats>(ServiceId::qmgr, {}, [call](const ipc::QueueStatistics& statistics) {
        const auto rows = [](const auto& counts) {
            json::Value out = json::Array{};
            for (const ipc::QueueCount& count : counts) out.push(write_fields(count, queue_count_fields));
            return out;
        };
        call.answer(200, json::Value().set("messages", statistics.messages).set("states", rows(statistics.states))
                             .set("errors", rows(statistics.errors)));
    });
}

void list_hold_rules(const Call& call) {
    ipc::ListHoldRules page;
    if (!call.take_number("after", UINT64_MAX, 0, page.after) || !call.take_limit(page.limit)) return;
    call.ask<ipc::ListHoldRules>(ServiceId::qmgr, page, [call, limit = page.limit](const ipc::HoldRuleListing& listing) {
        call.answer(200, page_of(listing.rows, hold_rule_fields, limit, [](const auto& row) { return row.number; }));
    });
}

void add_hold_rule(const Call& call) {
    ipc::AddHoldRule request;
    if (!call.take_fields(request, new_hold_rule_fields)) return;
    request.actor = call.actor();
    call.ask<ipc::AddHoldRule>(ServiceId::qmgr, request, [call](const ipc::AdminResult& result) { call.changed(result, 201); });
}

void remove_hold_rule(const Call& call) {
    ipc::RemoveHoldRule request;
    const auto number = parse_number(call.parameters.at(0), UINT64_MAX);
    if (!number) return call.refuse(400, "a rule has a number");
    request.actor = call.actor();
    request.number = *number;
    call.ask<ipc::RemoveHoldRule>(ServiceId::qmgr, request, [call](const ipc::AdminResult& result) { call.changed(result, 204); });
}

void list_destinations(const Call& call) {
    ipc::ListDestinations page;
    if (!call.take_query("after", page.after) || !call.take_limit(page.limit)) return;
    call.ask<ipc::ListDestinations>(ServiceId::qmgr, page, [call, limit = page.limit](const ipc::DestinationListing& listing) {
        call.answer(200, page_of(listing.rows, destination_fields, limit, [](const auto& row) { return row.name.value; }));
    });
}

void set_destination(const Call& call) {
    ipc::SetDestination ask;
    if (!call.take_parameter(0, ask.name) || !call.take_fields(ask, destination_action_fields)) return;
    ask.actor = call.actor();
    call.ask<ipc::SetDestination>(ServiceId::qmgr, ask, [call](const ipc::AdminResult& result) { call.changed(result, 204); });
}

} // namespace postern::api
