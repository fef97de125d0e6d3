#include "apid/local/fields.h"

namespace postern::api {
namespace {

// In the order of the enumerators.
constexpr std::string_view domain_status[] = {"active", "disabled"};
constexpr std::string_view account_status[] = {"active", "suspended", "disabled"};
constexpr std::string_view account_role[] = {"user", "admin"};
constexpr std::string_view app_scope[] = {"smtp", "imap", "api"};
constexpr std::string_view posting[] = {"anyone", "members", "domain", "listed"};

template <class E> std::span<const std::string_view> names_of() {
    static const auto names = [] {
        std::array<std::string_view, static_cast<std::size_t>(last_enumerator(E{})) + 1> all;
        for (std::size_t i = 0; i < all.size(); ++i) all[i] = to_string(static_cast<E>(i));
        return all;
    }();
    return names;
}

} // namespace

std::span<const std::string_view> enum_names(ipc::DomainStatus) { return domain_status; }
std::span<const std::string_view> enum_names(ipc::AccountStatus) { return account_status; }
std::span<const std::string_view> enum_names(ipc::AccountRole) { return account_role; }
std::span<const std::string_view> enum_names(ipc::AppScope) { return app_scope; }
std::span<const std::string_view> enum_names(ipc::Posting) { return posting; }
std::span<const std::string_view> enum_names(ipc::QueueAction) { return names_of<ipc::QueueAction>(); }
std::span<const std::string_view> enum_names(ipc::DestinationAction) { return names_of<ipc::DestinationAction>(); }

json::Value merged(json::Value object, const json::Value& more) {
    for (const auto& [name, value] : *more.object()) object.set(name, value);
    return object;
}

Error wrong_type(std::string_view expected) { return Error(Errc::invalid, "must be " + std::string(expected)); }

json::Value type_schema(std::string_view type) { return json::Value().set("type", type); }

} // namespace postern::api
