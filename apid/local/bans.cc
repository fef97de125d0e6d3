// Banned networks: policyd's list, and authd's failed logins where one is cleared.
#include "apid/local/handlers.h"
#include "apid/local/resources.h"

namespace postern::api {

using ipc::AdminStatus;
using ipc::ServiceId;

void list_bans(const Call& call) {
    ipc::ListBans page;
    if (!call.take_query("after", page.after) || !call.take_limit(page.limit)) return;
    call.ask<ipc::ListBans>(ServiceId::policyd, page, [call, limit = page.limit](const ipc::BanListing& listing) {
        call.answer(200, page_of(listing.rows, ban_fields, limit, [](const auto& row) { return row.network.value; }));
    });
}

void add_ban(const Call& call) {
    ipc::AddBan request;
    if (!call.take_fields(request, new_ban_fields)) return;
    request.actor = call.actor();
    call.ask<ipc::AddBan>(ServiceId::policyd, request, [call](const ipc::AdminResult& result) { call.changed(result, 201); });
}

// Both forget, whatever the other knew; only where neither knew anything is that the answer.
void clear_ban(const Call& call) {
    ipc::ClearBan request;
    if (!call.take_parameter(0, request.network)) return;
    request.actor = call.actor();
    call.ask<ipc::ClearBan>(ServiceId::policyd, request, [call, request](const ipc::AdminResult& bans) {
        if (bans.status != AdminStatus::ok && bans.status != AdminStatus::not_found) return call.changed(bans, 204);
        call.ask<ipc::ClearBan>(ServiceId::authd, request, [call, bans](const ipc::AdminResult& failures) {
            call.changed(failures.status == AdminStatus::not_found ? bans : failures, 204);
        });
    });
}

} // namespace postern::api
