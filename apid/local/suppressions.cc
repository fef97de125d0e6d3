// Addresses at other hosts that refuse mail: policyd's list.
#include "apid/local/handlers.h"
#include "apid/local/resources.h"

namespace postern::api {

using ipc::ServiceId;

void list_suppressions(const Call& call) {
    ipc::ListSuppressions page;
    if (!call.take_query("after", page.after) || !call.take_limit(page.limit)) return;
    call.ask<ipc::ListSuppressions>(ServiceId::policyd, page, [call, limit = page.limit](const ipc::SuppressionListing& listing) {
        call.answer(200, page_of(listing.rows, suppression_fields, limit, [](const auto& row) { return row.address.value; }));
    });
}

void add_suppression(const Call& call) {
    ipc::AddSuppression request;
    if (!call.take_fields(request, new_suppression_fields)) return;
    request.actor = call.actor();
    call.ask<ipc::AddSuppression>(ServiceId::policyd, request, [call](const ipc::AdminResult& result) { call.changed(result, 201); });
}

void remove_suppression(const Call& call) {
    ipc::RemoveSuppression request;
    if (!call.take_parameter(0, request.address)) return;
    request.actor = call.actor();
    call.ask<ipc::RemoveSuppression>(ServiceId::policyd, request, [call](const ipc::AdminResult& result) { call.changed(result, 204); });
}

} // namespace postern::api
