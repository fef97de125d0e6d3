// What is advertised, and when: RFC 9051 section 6.1.1. One list for imap-login, which says them in its greeting and
// with its last OK, and imapd.
#pragma once

#include <string_view>

namespace postern::imapd {

constexpr std::string_view capabilities_in_clear = "IMAP4rev1 LITERAL+ ID STARTTLS LOGINDISABLED";
constexpr std::string_view capabilities_without_tls = "IMAP4rev1 LITERAL+ ID LOGINDISABLED";   // no certificate
constexpr std::string_view capabilities_secured = "IMAP4rev1 LITERAL+ ID SASL-IR";   // and the mechanisms of libsasl
constexpr std::string_view capabilities_logged_in =
    "IMAP4rev1 LITERAL+ ENABLE ID IDLE NAMESPACE UIDPLUS UNSELECT MOVE CHILDREN SPECIAL-USE CREATE-SPECIAL-USE "
    "LIST-EXTENDED LIST-STATUS STATUS=SIZE";

} // namespace postern::imapd
