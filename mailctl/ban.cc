#include "libcommon/network.h"
#include "mailctl/fields.h"
#include "mailctl/output.h"
#include "mailctl/verbs.h"

#include <cstdlib>

namespace postern::mailctl {
namespace {

// sshd says where we are typed from: "192.0.2.1 50022 198.51.100.1 22".
std::optional<IpAddress> own_address() {
    const char* connection = std::getenv("SSH_CONNECTION");
    if (!connection) return std::nullopt;
    const std::string_view text(connection);
    return IpAddress::parse(text.substr(0, text.find(' ')));
}

void spare_ourselves(const std::string& written) {
    const auto network = Network::parse(written);
    const auto here = own_address();
    if (network && here && network->contains(*here))
        throw Failure{exit_data, "you are logged in from " + here->text() + ": that would ban yourself"};
}

} // namespace

int ban_list(const Context& c) {
    return c.show(c.client().get_all("/api/v1/bans?limit=500"), [](const json::Value& items) {
        std::vector<std::vector<std::string>> rows;
        for (const auto& b : *items.array())
            rows.push_back({shown(b["network"]), local_time(b["since"].integer().value_or(0)),
                            local_time(b["until"].integer().value_or(0)), shown(b["by"]), shown(b["reason"])});
        return rows.empty() ? std::string("nobody is banned\n") : table({"NETWORK", "SINCE", "UNTIL", "BY", "REASON"}, rows);
    });
}

int ban_add(const Context& c) {
    const std::string& network = c.arguments.one("NETWORK");
    spare_ourselves(network);
    json::Value body = json::Value().set("network", network);
    if (const auto duration = seconds_in(c.arguments, "--for")) body.set("duration", *duration);
    if (c.arguments.has("--reason")) body.set("reason", c.arguments.one("--reason"));
    c.client().send("POST", "/api/v1/bans", body);
    c.done("banned " + network);
    return exit_ok;
}

int ban_clear(const Context& c) {
    const std::string& network = c.arguments.one("NETWORK");
    c.client().send("DELETE", target("bans", network));
    c.done("cleared " + network);
    return exit_ok;
}

} // namespace postern::mailctl
