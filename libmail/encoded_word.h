// RFC 2047: header text as its reader sees it.
#pragma once

#include <string>
#include <string_view>

namespace postern::mail {

class Charsets;

// Decodes every encoded word to UTF-8, the blanks between two of them dropped (section 6.2). Anything malformed
// stays as it is. `text` is unfolded or not.
std::string decode_header(std::string_view text, Charsets& charsets);

} // namespace postern::mail
