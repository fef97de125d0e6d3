// The client's half of SASL PLAIN (RFC 4616) as bytes: pure. LOGIN has no grammar beyond base64.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::sasl {

struct PlainCredentials {
    std::string authorization;   // authzid, mostly empty
    std::string username;        // authcid
    std::string password;
};

// authzid NUL authcid NUL password, in base64: exactly two NULs, a name and a password, UTF-8, nothing longer
// than authd reads. Nothing for anything else.
std::optional<PlainCredentials> parse_plain(std::string_view base64);

// One line of LOGIN: a name or a password in base64.
std::optional<std::string> parse_login_line(std::string_view base64, std::size_t limit);

} // namespace postern::sasl
