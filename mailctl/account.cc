#include "mailctl/fields.h"
#include "mailctl/import.h"
#include "mailctl/output.h"
#include "mailctl/terminal.h"
#include "mailctl/verbs.h"

#include <cstdio>

#include <fmt/core.h>

namespace postern::mailctl {
namespace {

json::Value settings(const Arguments& a) {
    json::Value body = json::Object{};
    copy_text(a, "--name", body, "name");
    copy_text(a, "--status", body, "status");
    copy_text(a, "--role", body, "role");
    copy_quota(a, "--quota", body, "quota_bytes", true, true);
    copy_quota(a, "--quota-messages", body, "quota_messages", false, true);
    copy_size(a, "--max-message", body, "max_message_bytes");
    return body;
}

std::string quota(const json::Value& account, const char* own, const char* effective, bool is_bytes) {
    std::string text = limit(account[effective], is_bytes);
    return account[own].is_null() ? text + " (domain)" : text;
}

void warn_about_cram_md5() {
    std::fputs("mailctl: warning: whoever reads accounts.db can log in by CRAM-MD5 with what is now kept of the next password, and\n"
               "guess it quickly. It is made at the next login by PLAIN or with mailctl passwd, and used where auth.cram_md5 is true.\n",
               stderr);
}

void add_secret(const Context& c, json::Value& body) {
    if (c.arguments.has("--hash")) body.set("password_hash", c.arguments.one("--hash"));
    else body.set("password", read_password(c.arguments.one("ADDRESS")));
}

} // namespace

int account_list(const Context& c) {
    std::string listing = "/api/v1/accounts?limit=500";
    if (c.arguments.has("--domain")) listing += "&domain=" + encoded(c.arguments.one("--domain"));
    return c.show(c.client().get_all(listing), [](const json::Value& items) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& a : *items.array())
            rows.push_back({shown(a["id"]), shown(a["address"]), shown(a["status"]), shown(a["role"]),
                            limit(a["effective_quota_bytes"], true), local_time(a["last_login"].integer().value_or(0)),
                            shown(a["name"])});
        return table({"ID", "ADDRESS", "STATUS", "ROLE", "QUOTA", "LAST LOGIN", "NAME"}, rows);
    });
}

int account_add(const Context& c) {
    json::Value body = settings(c.arguments);
    body.set("address", c.arguments.one("ADDRESS"));
    if (!c.arguments.has("--no-password")) add_secret(c, body);
    const json::Value made = c.client().send("POST", "/api/v1/accounts", body);
    return c.show(made, [&](const json::Value& answer) {
        return fmt::format("added {} as account {}\n", c.arguments.one("ADDRESS"), shown(answer["id"]));
    });
}

int account_show(const Context& c) {
    return c.show(c.client().get(target("accounts", c.arguments.one("ADDRESS"))), [](const json::Value& a) {
        return sheet({{"account", shown(a["id"])},
                      {"address", shown(a["address"])},
                      {"all addresses", shown(a["addresses"])},
                      {"aliases", shown(a["aliases"])},
                      {"name", shown(a["name"])},
                      {"organization", shown(a["organization"])},
                      {"status", shown(a["status"])},
                      {"role", shown(a["role"])},
                      {"password", *a["has_password"].flag() ? "set" : "none: nobody can log in"},
                      {"SCRAM", *a["has_scram"].flag() ? "yes" : "after the next login by PLAIN, or mailctl passwd"},
                      {"CRAM-MD5", *a["cram_md5"].flag() ? "opted in" : "no"},
                      {"quota", quota(a, "quota_bytes", "effective_quota_bytes", true)},
                      {"quota, messages", quota(a, "quota_messages", "effective_quota_messages", false)},
                      {"used", a["used_bytes"].is_null() ? "unknown: its imapd does not answer" : amount(*a["used_bytes"].number())},
                      {"used, messages", a["used_messages"].is_null() ? "unknown" : shown(a["used_messages"])},
                      {"message at most", size_limit(a["effective_max_message_bytes"]) +
                                              (a["max_message_bytes"].number() == 0U ? " (domain)" : "")},
                      {"created", local_time(a["created"].integer().value_or(0))},
                      {"last login", local_time(a["last_login"].integer().value_or(0))}});
    });
}

int account_set(const Context& c) {
    json::Value body = settings(c.arguments);
    copy_switch(c.arguments, "--cram-md5", body, "cram_md5");
    if (body.object()->empty()) throw Failure{exit_usage, "nothing to change: see mailctl account set --help"};
    c.client().send("PATCH", target("accounts", c.arguments.one("ADDRESS")), body);
    c.done("changed " + c.arguments.one("ADDRESS"));
    if (const bool* cram_md5 = body["cram_md5"].flag(); cram_md5 && *cram_md5) warn_about_cram_md5();
    return exit_ok;
}

int account_delete(const Context& c) {
    c.client().send("DELETE", target("accounts", c.arguments.one("ADDRESS")));
    c.done("deleted " + c.arguments.one("ADDRESS") + "; its mailbox stays on disk");
    return exit_ok;
}

int account_import(const Context& c) {
    const auto accounts = parse_import(read_file(c.arguments.one("FILE")));
    std::uint64_t created = 0;
    for (std::size_t begin = 0; begin < accounts.size(); begin += import_batch) {
        const auto end = std::min(begin + import_batch, accounts.size());
        json::Value body;
        body.set("accounts", json::Array(accounts.begin() + static_cast<std::ptrdiff_t>(begin),
                                         accounts.begin() + static_cast<std::ptrdiff_t>(end)));
        body.set("skip_existing", !c.arguments.has("--strict"));
        created += c.client().send("POST", "/api/v1/accounts/import", body)["created"].number().value_or(0);
    }
    return c.show(json::Value().set("created", created).set("existing", accounts.size() - created),
                  [](const json::Value& answer) {
                      return fmt::format("{} accounts added, {} existed\n", shown(answer["created"]), shown(answer["existing"]));
                  });
}

int passwd(const Context& c) {
    json::Value body;
    add_secret(c, body);
    c.client().send("PUT", target("accounts", c.arguments.one("ADDRESS")) + "/password", body);
    c.done("password set for " + c.arguments.one("ADDRESS"));
    return exit_ok;
}

int address_add(const Context& c) {
    c.client().send("POST", target("accounts", c.arguments.one("ACCOUNT")) + "/addresses",
                    json::Value().set("address", c.arguments.one("ADDRESS")).set("primary", c.arguments.has("--primary")));
    c.done("added " + c.arguments.one("ADDRESS"));
    return exit_ok;
}

int address_delete(const Context& c) {
    c.client().send("DELETE", target("addresses", c.arguments.one("ADDRESS")));
    c.done("deleted " + c.arguments.one("ADDRESS"));
    return exit_ok;
}

} // namespace postern::mailctl
