// Organizations and domains.
#include "apid/local/handlers.h"
#include "apid/local/resources.h"

namespace postern::api {

using ipc::ServiceId;

void list_organizations(const Call& call) {
    ipc::ListOrganizations page;
    if (!call.take_query("after", page.after) || !call.take_limit(page.limit)) return;
    call.ask<ipc::ListOrganizations>(ServiceId::authd, page, [call, limit = page.limit](const auto& listing) {
        call.answer(200, page_of(listing.rows, organization_fields, limit, [](const auto& row) { return row.name.value; }));
    });
}

void create_organization(const Call& call) {
    OrganizationName body;
    if (!call.take_fields(body, organization_name_fields)) return;
    ipc::CreateOrganization request;
    request.actor = call.actor();
    request.name = body.name;
    call.change(request, 201);
}

void rename_organization(const Call& call) {
    OrganizationName body;
    ipc::RenameOrganization request;
    if (!call.take_parameter(0, request.name) || !call.take_fields(body, organization_name_fields)) return;
    request.actor = call.actor();
    request.new_name = body.name;
    call.change(request, 204);
}

void delete_organization(const Call& call) {
    ipc::DeleteOrganization request;
    if (!call.take_parameter(0, request.name)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

namespace {

json::Value page_of_domains(const ipc::DomainListing& listing, std::uint32_t limit) {
    return with_more(page_of(listing.rows, listing.terms, domain_fields, domain_terms_fields, limit,
                             [](const auto& row) { return row.name.value; }),
                     listing.backups, domain_backup_fields);
}

} // namespace

void list_domains(const Call& call) {
    ipc::ListDomains page;
    if (!call.take_query("after", page.after) || !call.take_limit(page.limit)) return;
    call.ask<ipc::ListDomains>(ServiceId::authd, page, [call, limit = page.limit](const auto& listing) {
        call.answer(200, page_of_domains(listing, limit));
    });
}

void show_domain(const Call& call) {
    ipc::ListDomains page;
    if (!call.take_parameter(0, page.only)) return;
    page.limit = 1;
    call.ask<ipc::ListDomains>(ServiceId::authd, page, [call](const auto& listing) {
        if (listing.rows.empty()) return call.refuse(404, "no such domain here");
        call.answer(200, page_of_domains(listing, 1)["items"].array()->front());
    });
}

// The body of a new domain is its name and, beside it, any of its settings.
void create_domain(const Call& call) {
    struct NewDomain : ipc::CreateDomain, ipc::DomainSettings {} body;
    if (!call.take_fields(body, std::tuple_cat(new_domain_fields, domain_settings_fields))) return;
    ipc::CreateDomain request = body;
    request.settings = body;
    request.actor = call.actor();
    call.change(request, 201);
}

void change_domain(const Call& call) {
    ipc::ChangeDomain request;
    if (!call.take_parameter(0, request.name) || !call.take_fields(request.settings, domain_settings_fields)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

void delete_domain(const Call& call) {
    ipc::DeleteDomain request;
    if (!call.take_parameter(0, request.name)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

} // namespace postern::api
