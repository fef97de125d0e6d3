#include "libsasl/plain.h"

#include "ipc/auth.h"
#include "libcommon/text.h"

namespace postern::sasl {

std::optional<PlainCredentials> parse_plain(std::string_view base64) {
    const auto decoded = from_base64(base64);
    if (!decoded || !is_utf8(*decoded)) return std::nullopt;
    const auto parts = split(*decoded, '\0');
    if (parts.size() != 3 || parts[1].empty() || parts[2].empty()) return std::nullopt;
    if (parts[0].size() > decltype(ipc::Login::authzid)::limit || parts[1].size() > decltype(ipc::Login::username)::limit ||
        parts[2].size() > decltype(ipc::Login::password)::limit)
        return std::nullopt;
    return PlainCredentials{std::string(parts[0]), std::string(parts[1]), std::string(parts[2])};
}

std::optional<std::string> parse_login_line(std::string_view base64, std::size_t limit) {
    auto decoded = from_base64(base64);
    if (!decoded || decoded->empty() || decoded->size() > limit || !is_utf8(*decoded) ||
        decoded->find('\0') != std::string::npos)
        return std::nullopt;
    return decoded;
}

} // namespace postern::sasl
