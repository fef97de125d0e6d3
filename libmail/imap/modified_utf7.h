// Mailbox names on the wire of IMAP4rev1: modified UTF-7, RFC 3501 section 5.1.3. Strict both ways: what is not the
// one canonical form of a name is refused, so that no name has two spellings (TESTCARD E3).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::imap {

// Nothing for: eight-bit or control bytes, a shift that encodes printable ASCII, lone surrogates, stray bits,
// an unfinished or needlessly repeated shift, U+0000.
std::optional<std::string> from_modified_utf7(std::string_view text);

std::string to_modified_utf7(std::string_view utf8);

} // namespace postern::imap
