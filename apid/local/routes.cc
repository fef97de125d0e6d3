#include "apid/local/routes.h"

#include "apid/local/handlers.h"
#include "apid/local/resources.h"
#include "libcommon/text.h"

namespace postern::api {
namespace {

template <const auto& fields> json::Value one() { return object_schema(fields); }
template <const auto& a, const auto& b> json::Value both() { return object_schema(std::tuple_cat(a, b)); }
template <json::Value (*row)()> json::Value page() {
    json::Value properties;
    properties.set("items", type_schema("array").set("items", row()));
    properties.set("next", json::Value().set("description", "what to ask for as ?after; null: no more"));
    return type_schema("object").set("properties", std::move(properties));
}
json::Value domain_schema() { return object_schema(std::tuple_cat(domain_fields, domain_terms_fields, domain_backup_fields)); }
json::Value any_object() { return type_schema("object"); }
json::Value import_schema() {
    return type_schema("object").set(
        "properties",
        json::Value()
            .set("accounts", type_schema("array").set("maxItems", 100).set(
                                 "items", both<new_account_fields, account_settings_fields>()))
            .set("skip_existing", type_schema("boolean")));
}
json::Value level_schema() {
    return type_schema("object").set(
        "properties",
        json::Value().set("level", type_schema("string").set("enum", json::Array{"debug", "info", "warning", "error"})));
}

constexpr Route table[] = {
    {.method = "GET", .path = "/health", .summary = "Is every part running", .handle = show_health, .result = any_object},
    {.method = "GET", .path = "/metrics", .summary = "Prometheus text", .handle = show_metrics},
    {.method = "GET", .path = "/api/v1/openapi.json", .summary = "This document", .handle = show_openapi, .result = any_object},

    {.method = "GET", .path = "/api/v1/status", .summary = "The suite in short", .handle = show_status, .result = any_object},
    {.method = "GET", .path = "/api/v1/processes", .summary = "Every process", .handle = list_processes, .result = page<any_object>},
    {.method = "GET", .path = "/api/v1/config", .summary = "The configuration in force", .handle = show_config},
    {.method = "POST", .path = "/api/v1/reload", .summary = "Read the configuration again; a wrong one changes nothing", .handle = reload, .good = 204},
    {.method = "POST", .path = "/api/v1/upgrade", .summary = "Go on with the programs that are installed now", .handle = upgrade, .good = 202},
    {.method = "POST", .path = "/api/v1/stop", .summary = "Drain, then stop", .handle = stop, .good = 202},
    {.method = "PUT", .path = "/api/v1/log-level", .summary = "The least level that is recorded", .handle = set_log_level, .body = level_schema, .good = 204},

    {.method = "GET", .path = "/api/v1/organizations", .summary = "Organizations by name", .handle = list_organizations, .result = page<one<organization_fields>>, .pages = true},
    {.method = "POST", .path = "/api/v1/organizations", .summary = "A new organization", .handle = create_organization, .body = one<organization_name_fields>, .good = 201},
    {.method = "PATCH", .path = "/api/v1/organizations/{name}", .summary = "Rename it", .handle = rename_organization, .body = one<organization_name_fields>, .good = 204},
    {.method = "DELETE", .path = "/api/v1/organizations/{name}", .summary = "Only while it owns nothing", .handle = delete_organization, .good = 204},

    {.method = "GET", .path = "/api/v1/domains", .summary = "Domains by name", .handle = list_domains, .result = page<domain_schema>, .pages = true},
    {.method = "POST", .path = "/api/v1/domains", .summary = "A new domain", .handle = create_domain, .body = both<new_domain_fields, domain_settings_fields>, .good = 201},
    {.method = "GET", .path = "/api/v1/domains/{name}", .summary = "One domain", .handle = show_domain, .result = domain_schema},
    {.method = "PATCH", .path = "/api/v1/domains/{name}", .summary = "Change what is named", .handle = change_domain, .body = one<domain_settings_fields>, .good = 204},
    {.method = "DELETE", .path = "/api/v1/domains/{name}", .summary = "Only while it has no address", .handle = delete_domain, .good = 204},

    {.method = "GET", .path = "/api/v1/backup-mx/{domain}", .summary = "Which recipients a backup MX takes; none: any", .handle = list_backup_recipients, .result = page<one<backup_recipient_fields>>, .pages = true},
    {.method = "PUT", .path = "/api/v1/backup-mx/{domain}", .summary = "A part of a new list, which counts once the last part is there", .handle = store_backup_recipients, .body = one<backup_part_fields>, .good = 204},
    {.method = "DELETE", .path = "/api/v1/backup-mx/{domain}", .summary = "Take any recipient again", .handle = clear_backup_recipients, .good = 204},

    {.method = "GET", .path = "/api/v1/accounts", .summary = "Accounts by id, of ?domain or all", .handle = list_accounts, .result = page<one<account_fields>>, .pages = true},
    {.method = "POST", .path = "/api/v1/accounts", .summary = "A new account", .handle = create_account, .body = both<new_account_fields, account_settings_fields>, .good = 201},
    {.method = "POST", .path = "/api/v1/accounts/import", .summary = "Up to 100 new accounts, all or none", .handle = import_accounts, .body = import_schema, .result = any_object},
    {.method = "GET", .path = "/api/v1/accounts/{address}", .summary = "One account, by any of its addresses", .handle = show_account, .result = both<account_fields, account_detail_fields>},
    {.method = "PATCH", .path = "/api/v1/accounts/{address}", .summary = "Change what is named", .handle = change_account, .body = both<account_settings_fields, account_opt_in_fields>, .good = 204},
    {.method = "DELETE", .path = "/api/v1/accounts/{address}", .summary = "Its mailbox stays on disk", .handle = delete_account, .good = 204},
    {.method = "PUT", .path = "/api/v1/accounts/{address}/password", .summary = "A new password; ends its sessions", .handle = set_password, .body = one<password_fields>, .good = 204},
    {.method = "GET", .path = "/api/v1/app-passwords/{address}", .summary = "App passwords of an account, without the passwords", .handle = list_app_passwords, .result = page<one<app_password_fields>>},
    {.method = "POST", .path = "/api/v1/app-passwords/{address}", .summary = "A new app password, shown in the answer and never again", .handle = add_app_password, .body = one<new_app_password_fields>, .result = one<made_app_password_fields>, .good = 201},
    {.method = "DELETE", .path = "/api/v1/app-passwords/{address}/{name}", .summary = "Revoke it; ends the account's sessions", .handle = remove_app_password, .good = 204},
    {.method = "GET", .path = "/api/v1/send-as/{address}", .summary = "As which addresses beside its own an account may send", .handle = list_send_as, .result = page<one<send_as_fields>>},
    {.method = "POST", .path = "/api/v1/send-as/{address}", .summary = "Let it send as one more, or for a domain", .handle = grant_send_as, .body = one<grant_send_as_fields>, .good = 204},
    {.method = "DELETE", .path = "/api/v1/send-as/{address}/{granted}", .summary = "No longer", .handle = revoke_send_as, .good = 204},
    {.method = "POST", .path = "/api/v1/accounts/{address}/addresses", .summary = "One more address, or another primary one", .handle = add_address, .body = one<new_address_fields>, .good = 204},
    {.method = "DELETE", .path = "/api/v1/addresses/{address}", .summary = "Any but the primary one", .handle = remove_address, .good = 204},

    {.method = "GET", .path = "/api/v1/aliases", .summary = "Aliases by domain and name, of ?domain or all", .handle = list_aliases, .result = page<both<alias_fields, alias_term_fields>>, .pages = true},
    {.method = "POST", .path = "/api/v1/aliases", .summary = "A new alias", .handle = create_alias, .body = both<alias_fields, alias_term_fields>, .good = 201},
    {.method = "GET", .path = "/api/v1/aliases/{address}", .summary = "One alias", .handle = show_alias, .result = both<alias_fields, alias_term_fields>},
    {.method = "PUT", .path = "/api/v1/aliases/{address}", .summary = "Replace its targets and dates", .handle = replace_alias, .body = both<alias_fields, alias_term_fields>, .good = 204},
    {.method = "DELETE", .path = "/api/v1/aliases/{address}", .summary = "Remove it", .handle = delete_alias, .good = 204},

    {.method = "GET", .path = "/api/v1/groups", .summary = "Groups by domain and name, of ?domain or all", .handle = list_groups, .result = page<one<group_fields>>, .pages = true},
    {.method = "POST", .path = "/api/v1/groups", .summary = "A new group", .handle = create_group, .body = both<new_group_fields, group_settings_fields>, .good = 201},
    {.method = "GET", .path = "/api/v1/groups/{address}", .summary = "One group with its members", .handle = show_group, .result = both<group_fields, group_detail_fields>},
    {.method = "PATCH", .path = "/api/v1/groups/{address}", .summary = "Change what is named", .handle = change_group, .body = one<group_settings_fields>, .good = 204},
    {.method = "POST", .path = "/api/v1/groups/{address}/members", .summary = "Let members in and out, all or none", .handle = change_members, .body = one<member_fields>, .good = 204},
    {.method = "DELETE", .path = "/api/v1/groups/{address}", .summary = "Remove it", .handle = delete_group, .good = 204},

    {.method = "GET", .path = "/api/v1/audit", .summary = "Who changed what; intact: the chain of hashes holds", .handle = list_audit, .result = page<one<audit_fields>>, .pages = true},

    {.method = "GET", .path = "/api/v1/bans", .summary = "Banned networks", .handle = list_bans, .result = page<one<ban_fields>>, .pages = true},
    {.method = "POST", .path = "/api/v1/bans", .summary = "Turn a network away for a time", .handle = add_ban, .body = one<new_ban_fields>, .good = 201},
    {.method = "DELETE", .path = "/api/v1/bans/{network}", .summary = "Forget bans inside it and failed logins from it", .handle = clear_ban, .good = 204},

    {.method = "GET", .path = "/api/v1/suppressions", .summary = "Addresses elsewhere that refused mail, and which get no more", .handle = list_suppressions, .result = page<one<suppression_fields>>, .pages = true},
    {.method = "POST", .path = "/api/v1/suppressions", .summary = "Send no mail to an address elsewhere for a time", .handle = add_suppression, .body = one<new_suppression_fields>, .good = 201},
    {.method = "DELETE", .path = "/api/v1/suppressions/{address}", .summary = "Forget what is known against it: mail goes there again", .handle = remove_suppression, .good = 204},

    {.method = "GET", .path = "/api/v1/dns/records", .summary = "What resolvd finds for ?name and ?type (A)", .handle = look_up, .result = any_object},
    {.method = "DELETE", .path = "/api/v1/dns/cache", .summary = "Forget what is known of ?name, or everything", .handle = flush_dns, .result = any_object},

    {.method = "GET", .path = "/api/v1/tls/policies/{domain}", .summary = "What a domain demands of TLS to its hosts by MTA-STS", .handle = show_tls_policy, .result = any_object},
    {.method = "POST", .path = "/api/v1/tls/policies/{domain}", .summary = "The same, fetched again", .handle = renew_tls_policy, .result = any_object},
    {.method = "GET", .path = "/api/v1/tls/results", .summary = "How TLS with hosts of other domains went on ?day (today), by domain", .handle = list_tls_results, .result = page<any_object>, .pages = true},
    {.method = "GET", .path = "/api/v1/tls/results/{domain}", .summary = "The same of one domain, with its failures", .handle = show_tls_results, .result = any_object},
    {.method = "GET", .path = "/api/v1/tls/reports/{domain}", .summary = "What that domain is told of ?day (the last there are results of), RFC 8460", .handle = show_tls_report, .result = any_object},
    {.method = "POST", .path = "/api/v1/tls/reports/{domain}", .summary = "Send it now, if the domain asks for reports", .handle = send_tls_report, .result = any_object, .good = 202},

    {.method = "GET", .path = "/api/v1/queue", .summary = "Messages that wait", .handle = list_queue, .result = page<one<queue_fields>>, .pages = true},
    {.method = "GET", .path = "/api/v1/queue/{id}", .summary = "One message and each of its recipients", .handle = show_queued, .result = one<queue_fields>},

    {.method = "GET", .path = "/api/v1/queue/{id}/content", .summary = "The message as it will be sent, a piece from ?from on; an empty one is the end", .handle = read_queued},
    {.method = "PATCH", .path = "/api/v1/queue/{id}/recipients/{recipient}", .summary = "Another address for a recipient that waits", .handle = edit_queued_recipient, .body = one<new_recipient_fields>, .good = 204},
    {.method = "POST", .path = "/api/v1/queue-actions", .summary = "Do something to messages that wait; a step at a time, until next is null", .handle = act_on_queue, .body = one<queue_act_fields>, .result = any_object},
    {.method = "GET", .path = "/api/v1/queue-statistics", .summary = "Recipients that wait, by state and by last error", .handle = show_queue_statistics, .result = any_object},
    {.method = "GET", .path = "/api/v1/hold-rules", .summary = "Which mail is held as it comes", .handle = list_hold_rules, .result = page<one<hold_rule_fields>>, .pages = true},
    {.method = "POST", .path = "/api/v1/hold-rules", .summary = "Hold mail like this from now on", .handle = add_hold_rule, .body = one<new_hold_rule_fields>, .good = 201},
    {.method = "DELETE", .path = "/api/v1/hold-rules/{id}", .summary = "Hold no more by this rule; what it held stays", .handle = remove_hold_rule, .good = 204},
    {.method = "GET", .path = "/api/v1/destinations", .summary = "Next hops of outbound mail that something is known of", .handle = list_destinations, .result = page<one<destination_fields>>, .pages = true},
    {.method = "PATCH", .path = "/api/v1/destinations/{name}", .summary = "Freeze, thaw or probe it", .handle = set_destination, .body = one<destination_action_fields>, .good = 204},

    {.method = "GET", .path = "/api/v1/history", .summary = "What happened to ?key, a queue id, trace id, Message-ID or address, since ?since", .handle = show_history, .result = page<any_object>, .pages = true},
};

json::Value parameter(std::string_view name, std::string_view in, std::string_view type) {
    return json::Value().set("name", name).set("in", in).set("required", in == "path").set("schema", type_schema(type));
}

json::Value content(std::string_view type, json::Value schema) {
    return json::Value().set(std::string(type), json::Value().set("schema", std::move(schema)));
}

json::Value operation(const Route& route) {
    json::Value parameters = json::Array{};
    for (const auto segment : split(route.path, '/'))
        if (segment.starts_with('{')) parameters.push(parameter(segment.substr(1, segment.size() - 2), "path", "string"));
    if (route.pages) {
        parameters.push(parameter("limit", "query", "integer"));
        parameters.push(parameter("after", "query", "string"));
    }
    json::Value good = json::Value().set("description", route.summary);
    if (route.result) good.set("content", content("application/json", route.result()));
    json::Value result = json::Value().set("summary", route.summary).set("parameters", std::move(parameters));
    if (route.body)
        result.set("requestBody", json::Value().set("required", true).set("content", content("application/json", route.body())));
    result.set("responses", json::Value()
                                .set(std::to_string(route.good), std::move(good))
                                .set("default", json::Value()
                                                    .set("description", "what went wrong, RFC 9457")
                                                    .set("content", content("application/problem+json", any_object()))));
    return result;
}

} // namespace

std::span<const Route> routes() { return table; }

json::Value openapi_document() {
    json::Value paths = json::Object{};
    for (const Route& first : table) {
        if (paths.find(first.path)) continue;                  // its other methods were added with the first
        json::Value item = json::Object{};
        for (const Route& route : table)
            if (route.path == first.path) item.set(ascii_lower(route.method), operation(route));
        paths.set(std::string(first.path), std::move(item));
    }
    return json::Value()
        .set("openapi", "3.1.0")
        .set("info", json::Value().set("title", "Postern management").set("version", "1"))
        .set("paths", std::move(paths));
}

} // namespace postern::api
