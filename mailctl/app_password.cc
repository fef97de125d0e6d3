#include "config/value.h"
#include "libcommon/text.h"
#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/verbs.h"

#include <ctime>

#include <fmt/core.h>

namespace postern::mailctl {
namespace {

std::string app_passwords_of(const Context& c) { return target("app-passwords", c.arguments.one("ADDRESS")); }

json::Value scopes(const Arguments& a) {
    json::Value list = json::Array{};
    const std::string text = a.has("--scope") ? a.one("--scope") : "smtp,imap";
    for (const auto scope : split(text, ',')) list.push(trim(scope));
    return list;
}

// From now, to seconds since the epoch.
std::int64_t expiry(const std::string& text) {
    constexpr config::Option lifetime{"", config::Kind::duration, "", 1000, INT64_MAX, {}, 0, ""};
    const auto milliseconds = config::parse_value(lifetime, text);
    if (!milliseconds) throw Failure{exit_data, "--expires: " + milliseconds.error().message()};
    return std::time(nullptr) + static_cast<std::int64_t>(*parse_number(*milliseconds)) / 1000;
}

} // namespace

int app_password_list(const Context& c) {
    return c.show(c.client().get(app_passwords_of(c))["items"], [](const json::Value& items) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& row : *items.array())
            rows.push_back({shown(row["name"]), shown(row["scopes"]), local_time(row["created"].integer().value_or(0)),
                            local_time(row["last_used"].integer().value_or(0)), local_time(row["expires"].integer().value_or(0))});
        return table({"NAME", "SCOPE", "CREATED", "LAST USED", "EXPIRES"}, rows);
    });
}

int app_password_add(const Context& c) {
    json::Value body;
    body.set("name", c.arguments.one("NAME")).set("scopes", scopes(c.arguments));
    if (c.arguments.has("--expires")) body.set("expires", expiry(c.arguments.one("--expires")));
    return c.show(c.client().send("POST", app_passwords_of(c), body), [&](const json::Value& made) {
        return fmt::format("{}\n\nThis password is shown once. It logs in as {} and can be revoked with\n"
                           "mailctl app-password remove {} {}\n",
                           shown(made["password"]), c.arguments.one("ADDRESS"), c.arguments.one("ADDRESS"), c.arguments.one("NAME"));
    });
}

int app_password_remove(const Context& c) {
    c.client().send("DELETE", app_passwords_of(c) + "/" + encoded(c.arguments.one("NAME")));
    c.done("removed " + c.arguments.one("NAME") + " of " + c.arguments.one("ADDRESS"));
    return exit_ok;
}

} // namespace postern::mailctl
