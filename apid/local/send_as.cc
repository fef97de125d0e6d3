// As which addresses beside its own an account may send.
#include "apid/local/handlers.h"
#include "apid/local/resources.h"

namespace postern::api {

using ipc::ServiceId;

void list_send_as(const Call& call) {
    ipc::ListSendAs request;
    if (!call.take_parameter(0, request.account)) return;
    call.ask<ipc::ListSendAs>(ServiceId::authd, request, [call](const ipc::SendAsListing& listing) {
        if (!listing.found) return call.refuse(404, "no account has this address");
        // All of them are one page.
        call.answer(200, page_of(listing.rows, send_as_fields, ipc::max_page + 1, [](const auto&) { return json::Value(); }));
    });
}

void grant_send_as(const Call& call) {
    ipc::GrantSendAs request;
    if (!call.take_parameter(0, request.account) || !call.take_fields(request, grant_send_as_fields)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

void revoke_send_as(const Call& call) {
    ipc::RevokeSendAs request;
    if (!call.take_parameter(0, request.account) || !call.take_parameter(1, request.address)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

} // namespace postern::api
