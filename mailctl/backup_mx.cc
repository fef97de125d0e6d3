// The recipients a backup MX takes. Their file has one a line, "ann@example.org" or "ann"; what stands behind a blank, as in the maps
// of other servers, is not read, nor are empty lines and those that start with "#".
#include "libcommon/text.h"
#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/terminal.h"
#include "mailctl/verbs.h"

#include <algorithm>

#include <fmt/core.h>

namespace postern::mailctl {
namespace {

constexpr std::size_t part = 1000;                       // what the API takes at once

std::string recipients_of(const Context& c) { return target("backup-mx", c.arguments.one("DOMAIN")); }

json::Array parse_recipients(std::string_view text, const std::string& domain) {
    json::Array addresses;
    for (std::string_view line : split(text, '\n')) {
        const std::string_view whole = trim(line);
        const std::string address(whole.substr(0, whole.find_first_of(" \t\r")));
        if (address.empty() || address.front() == '#') continue;
        addresses.push_back(address.find('@') == address.npos ? address + "@" + domain : address);
    }
    return addresses;
}

} // namespace

int backup_mx_list(const Context& c) {
    return c.show(c.client().get_all(recipients_of(c)), [](const json::Value& items) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& row : *items.array()) rows.push_back({shown(row["address"])});
        return table({"TAKES"}, rows);
    });
}

int backup_mx_import(const Context& c) {
    const auto addresses = parse_recipients(read_file(c.arguments.one("FILE")), c.arguments.one("DOMAIN"));
    if (addresses.empty()) throw Failure{exit_data, "no address in it; to take any recipient again: mailctl backup-mx clear"};
    for (std::size_t begin = 0; begin < addresses.size(); begin += part) {
        const auto end = std::min(begin + part, addresses.size());
        json::Value body;
        body.set("addresses", json::Array(addresses.begin() + static_cast<std::ptrdiff_t>(begin),
                                          addresses.begin() + static_cast<std::ptrdiff_t>(end)));
        c.client().send("PUT", recipients_of(c), body.set("first", begin == 0).set("last", end == addresses.size()));
    }
    c.done(fmt::format("{} takes mail for {} recipients", c.arguments.one("DOMAIN"), addresses.size()));
    return exit_ok;
}

int backup_mx_clear(const Context& c) {
    c.client().send("DELETE", recipients_of(c));
    c.done(c.arguments.one("DOMAIN") + " takes mail for any recipient");
    return exit_ok;
}

} // namespace postern::mailctl
