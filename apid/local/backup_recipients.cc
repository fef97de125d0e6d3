// Which recipients a backup MX takes.
#include "apid/local/handlers.h"
#include "apid/local/resources.h"

namespace postern::api {

using ipc::ServiceId;

void list_backup_recipients(const Call& call) {
    ipc::ListBackupRecipients page;
    if (!call.take_parameter(0, page.domain) || !call.take_query("after", page.after) || !call.take_limit(page.limit)) return;
    call.ask<ipc::ListBackupRecipients>(ServiceId::authd, page, [call, limit = page.limit](const auto& listing) {
        call.answer(200, page_of(listing.rows, backup_recipient_fields, limit, [](const auto& row) { return row.address.value; }));
    });
}

void store_backup_recipients(const Call& call) {
    ipc::StoreBackupRecipients request;
    if (!call.take_parameter(0, request.domain) || !call.take_fields(request, backup_part_fields)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

void clear_backup_recipients(const Call& call) {
    ipc::ClearBackupRecipients request;
    if (!call.take_parameter(0, request.domain)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

} // namespace postern::api
