// App passwords of an account: made by authd, shown once, in the answer to the request that made it.
#include "apid/local/handlers.h"
#include "apid/local/resources.h"

namespace postern::api {

using ipc::ServiceId;

void list_app_passwords(const Call& call) {
    ipc::ListAppPasswords request;
    if (!call.take_parameter(0, request.account)) return;
    call.ask<ipc::ListAppPasswords>(ServiceId::authd, request, [call](const ipc::AppPasswordListing& listing) {
        if (!listing.found) return call.refuse(404, "no account has this address");
        // All of them are one page.
        call.answer(200, page_of(listing.rows, app_password_fields, ipc::max_app_passwords + 1, [](const auto&) { return json::Value(); }));
    });
}

void add_app_password(const Call& call) {
    ipc::AddAppPassword request;
    if (!call.take_parameter(0, request.account) || !call.take_fields(request, new_app_password_fields)) return;
    request.actor = call.actor();
    call.ask<ipc::AddAppPassword>(ServiceId::authd, request, [call](const ipc::AppPasswordAdded& added) {
        if (added.result.status != ipc::AdminStatus::ok) return call.changed(added.result, 201);
        call.answer(201, write_fields(added, made_app_password_fields));
    });
}

void remove_app_password(const Call& call) {
    ipc::RemoveAppPassword request;
    if (!call.take_parameter(0, request.account) || !call.take_parameter(1, request.name)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

} // namespace postern::api
