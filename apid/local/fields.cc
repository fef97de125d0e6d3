#include "apid/local/fields.h"

namespace postern::api {
namespace {

// In the order of the enumerators.
constexpr std::string_view domain_status[] = {"active", "disabled"};
constexpr std::string_view account_status[] = {"active", "suspended", "disabled"};
constexpr std::string_view account_role[] = {"user", "admin"};
constexpr std::string_view app_scope[] = {"smtp", "imap", "api"};
constexpr std::string_view posting[] = {"anyone", "members", "domain", "listed"};

} // namespace

std::span<const std::string_view> enum_names(ipc::DomainStatus) { return domain_status; }
std::span<const std::string_view> enum_names(ipc::AccountStatus) { return account_status; }
std::span<const std::string_view> enum_names(ipc::AccountRole) { return account_role; }
std::span<const std::string_view> enum_names(ipc::AppScope) { return app_scope; }
std::span<const std::string_view> enum_names(ipc::Posting) { return posting; }

json::Value merged(json::Value object, const json::Value& more) {
    for (const auto& [name, value] : *more.object()) object.set(name, value);
    return object;
}

Error wrong_type(std::string_view expected) { return Error(Errc::invalid, "must be " + std::string(expected)); }

json::Value type_schema(std::string_view type) { return json::Value().set("type", type); }

} // namespace postern::api
