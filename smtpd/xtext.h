// xtext, RFC 3461 section 4: printable ASCII but "+" and "=", and "+XX" in upper-case hex for anything else.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::smtpd {

// Nothing when it is none, or empty. With `utf8` (RFC 6533 section 3) characters beyond ASCII stand for themselves.
std::optional<std::string> from_xtext(std::string_view text, bool utf8 = false);

} // namespace postern::smtpd
