// Writes strings as IMAP wants them: RFC 9051 section 4.3. Quoted when that can hold them; a literal when there is a
// line end or an eight-bit byte. NUL cannot be said in either (CHAR8) and becomes "?".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::imap {

void append_string(std::string& out, std::string_view text);
void append_nstring(std::string& out, const std::optional<std::string>& text);   // NIL when absent
void append_literal(std::string& out, std::string_view bytes);                   // always {n}

// An atom if it can be one, a string otherwise: mailbox names in LIST and STATUS.
void append_astring(std::string& out, std::string_view text);

} // namespace postern::imap
