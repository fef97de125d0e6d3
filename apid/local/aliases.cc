// Aliases and the audit log.
#include "apid/local/handlers.h"
#include "apid/local/resources.h"

namespace postern::api {

using ipc::ServiceId;

namespace {

struct Alias : ipc::AliasRow, ipc::AliasTerm {};

bool take_alias(const Call& call, ipc::SaveAlias& into) {
    Alias body;
    if (!call.take_fields(body, std::tuple_cat(alias_fields, alias_term_fields))) return false;
    into.alias = body;
    into.term = body;
    return true;
}

json::Value page_of_aliases(const ipc::AliasListing& listing, std::uint32_t limit) {
    return page_of(listing.rows, listing.terms, alias_fields, alias_term_fields, limit,
                   [](const auto& row) { return row.address.value; });
}

} // namespace

void list_aliases(const Call& call) {
    ipc::ListAliases page;
    if (!call.take_query("domain", page.domain) || !call.take_query("after", page.after) || !call.take_limit(page.limit))
        return;
    page.limit = std::min<std::uint32_t>(page.limit, 100);     // each may name 128 targets
    call.ask<ipc::ListAliases>(ServiceId::authd, page, [call, limit = page.limit](const auto& listing) {
        call.answer(200, page_of_aliases(listing, limit));
    });
}

void show_alias(const Call& call) {
    ipc::ListAliases page;
    if (!call.take_parameter(0, page.only)) return;
    page.limit = 1;
    call.ask<ipc::ListAliases>(ServiceId::authd, page, [call](const auto& listing) {
        if (listing.rows.empty()) return call.refuse(404, "no such alias");
        call.answer(200, page_of_aliases(listing, 1)["items"].array()->front());
    });
}

void create_alias(const Call& call) {
    ipc::SaveAlias request;
    if (!take_alias(call, request)) return;
    request.actor = call.actor();
    call.change(request, 201);
}

void replace_alias(const Call& call) {
    ipc::SaveAlias request;
    request.create = false;
    if (!take_alias(call, request) || !call.take_parameter(0, request.alias.address)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

void delete_alias(const Call& call) {
    ipc::DeleteAlias request;
    if (!call.take_parameter(0, request.address)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

void list_audit(const Call& call) {
    ipc::ListAudit page;
    if (!call.take_limit(page.limit) || !call.take_number("after", INT64_MAX, 0, page.after)) return;
    call.ask<ipc::ListAudit>(ServiceId::authd, page, [call, limit = page.limit](const ipc::AuditListing& listing) {
        call.answer(200, page_of(listing.rows, audit_fields, limit, [](const auto& row) { return row.id; })
                             .set("intact", listing.intact));
    });
}

} // namespace postern::api
