// Accounts, their passwords and their addresses.
#include "apid/local/handlers.h"
#include "apid/local/resources.h"

namespace postern::api {

using ipc::ServiceId;

namespace {

// The body of a new account: its address and password and, beside them, any of its settings.
struct NewAccount : ipc::NewAccount, ipc::AccountSettings {};
constexpr auto new_account_and_settings = std::tuple_cat(new_account_fields, account_settings_fields);

// What PATCH takes: any of the settings, and the opt-in.
struct Change : ipc::ChangeAccount, ipc::AccountSettings {};
constexpr auto settings_and_opt_in = std::tuple_cat(account_settings_fields, account_opt_in_fields);

ipc::NewAccount joined(const NewAccount& body) {
    ipc::NewAccount account = body;
    account.settings = body;
    return account;
}

} // namespace

void list_accounts(const Call& call) {
    ipc::ListAccounts page;
    if (!call.take_query("domain", page.domain) || !call.take_limit(page.limit) ||
        !call.take_number("after", INT64_MAX, 0, page.after))
        return;
    call.ask<ipc::ListAccounts>(ServiceId::authd, page, [call, limit = page.limit](const auto& listing) {
        call.answer(200, page_of(listing.rows, account_fields, limit, [](const auto& row) { return row.id; }));
    });
}

void show_account(const Call& call) {
    ipc::ShowAccount request;
    if (!call.take_parameter(0, request.address)) return;
    call.ask<ipc::ShowAccount>(ServiceId::authd, request, [call](const ipc::AccountEntry& entry) {
        if (!entry.found) return call.refuse(404, "no account has this address");
        call.answer(200, merged(write_fields(entry.row, account_fields), write_fields(entry, account_detail_fields)));
    });
}

void create_account(const Call& call) {
    NewAccount body;
    if (!call.take_fields(body, new_account_and_settings)) return;
    ipc::CreateAccount request;
    request.actor = call.actor();
    request.account = joined(body);
    call.change(request, 201);
}

// {"accounts": [...], "skip_existing": true}: all are made or none.
void import_accounts(const Call& call) {
    const auto body = call.take_body();
    if (!body) return;
    ipc::ImportAccounts request;
    request.actor = call.actor();
    const json::Array* accounts = (*body)["accounts"].array();
    if (!accounts) return call.refuse(400, "accounts: must be an array");
    if (accounts->size() > decltype(request.accounts)::limit)
        return call.refuse(400, "at most " + std::to_string(decltype(request.accounts)::limit) + " accounts at once");
    if (const bool* skip = (*body)["skip_existing"].flag()) request.skip_existing = *skip;
    for (std::size_t i = 0; i < accounts->size(); ++i) {
        NewAccount account;
        if (auto read = read_fields((*accounts)[i], account, new_account_and_settings); !read)
            return call.refuse(400, "accounts[" + std::to_string(i) + "]: " + read.error().message());
        request.accounts.push_back(joined(account));
    }
    call.ask<ipc::ImportAccounts>(ServiceId::authd, request, [call](const ipc::AdminResult& result) {
        if (result.status != ipc::AdminStatus::ok) return call.changed(result, 200);
        call.answer(200, json::Value().set("created", result.id));
    });
}

void change_account(const Call& call) {
    Change body;
    if (!call.take_parameter(0, body.address) || !call.take_fields(body, settings_and_opt_in)) return;
    ipc::ChangeAccount request = body;
    request.settings = body;
    request.actor = call.actor();
    call.change(request, 204);
}

void delete_account(const Call& call) {
    ipc::DeleteAccount request;
    if (!call.take_parameter(0, request.address)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

void set_password(const Call& call) {
    ipc::SetPassword request;
    if (!call.take_parameter(0, request.address) || !call.take_fields(request, password_fields)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

void add_address(const Call& call) {
    ipc::AddAddress request;
    if (!call.take_parameter(0, request.account) || !call.take_fields(request, new_address_fields)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

void remove_address(const Call& call) {
    ipc::RemoveAddress request;
    if (!call.take_parameter(0, request.address)) return;
    request.actor = call.actor();
    call.change(request, 204);
}

} // namespace postern::api
