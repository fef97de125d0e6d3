// Groups: addresses with members, and a rule about who may post.
#include "apid/local/handlers.h"
#include "apid/local/resources.h"

namespace postern::api {

using ipc::ServiceId;

void list_groups(const Call& call) {
    ipc::ListGroups page;
    if (!call.take_query("domain", page.domain) || !call.take_query("after", page.after) || !call.take_limit(page.limit)) return;
    page.limit = std::min<std::uint32_t>(page.limit, 25);      // each may name 128 posters
    call.ask<ipc::ListGroups>(ServiceId::authd, page, [call, limit = page.limit](const auto& listing) {
        call.answer(200, page_of(listing.rows, group_fields, limit, [](const auto& row) { return row.address.value; }));
    });
}

void show_group(const Call& call) {
    ipc::ListGroups page;
    if (!call.take_parameter(0, page.only)) return;
    page.limit = 1;
    call.ask<ipc::ListGroups>(ServiceId::authd, page, [call](const ipc::GroupListing& listing) {
        if (listing.rows.empty()) return call.refuse(404, "no such group");
        call.answer(200, merged(write_fields(listing.rows.items.front(), group_fields), write_fields(listing, group_detail_fields)));
    });
}

// The body of a new group is its address and members and, beside them, any of its settings.
void create_group(const Call& call) {
    struct NewGroup : ipc::SaveGroup, ipc::GroupSettings {} body;
    if (!call.take_fields(body, std::tuple_cat(new_group_fields, group_settings_fields))) return;
    ipc::SaveGroup request = body;
    request.settings = body;
    request.actor = call.actor();
    call.change(request, 201);
}

void change_group(const Call& call) {
    ipc::SaveGroup request;
    request.create = false;
    if (!call.take_parameter(0, request.address) || !call.take_fields(request.settings, group_settings_fields)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

void change_members(const Call& call) {
    ipc::ChangeMembers request;
    if (!call.take_parameter(0, request.group) || !call.take_fields(request, member_fields)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

void delete_group(const Call& call) {
    ipc::DeleteGroup request;
    if (!call.take_parameter(0, request.address)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

} // namespace postern::api
