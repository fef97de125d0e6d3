// Who there is: one name per service, used by the table of master/services.cc, by routes.cc and in logs.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace postern::ipc {

enum class ServiceId : std::uint8_t {
    master, logd, keyd, authd, smtpd, qmgr, local, imap_login, imapd, api_front, api_local, policyd,
    resolvd, smtp_out, bounce, fetch, tlspolicyd,
};
constexpr ServiceId last_enumerator(ServiceId) { return ServiceId::tlspolicyd; }
constexpr std::size_t service_count = static_cast<std::size_t>(last_enumerator(ServiceId{})) + 1;

constexpr std::array<std::string_view, service_count> service_names = {
    "master", "logd", "keyd", "authd", "smtpd", "qmgr", "local", "imap-login", "imapd", "api-front", "api-local",
    "policyd", "resolvd", "smtp-out", "bounce", "fetch", "tlspolicyd",
};
constexpr std::string_view to_string(ServiceId id) { return service_names[static_cast<std::size_t>(id)]; }
constexpr std::optional<ServiceId> service_named(std::string_view name) {
    for (std::size_t i = 0; i < service_count; ++i)
        if (service_names[i] == name) return static_cast<ServiceId>(i);
    return std::nullopt;
}

} // namespace postern::ipc
