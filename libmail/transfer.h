// Content transfer encodings (RFC 2045 section 6). Decoded as leniently as readers do: what is not of the alphabet is
// passed over; for matching and showing, never for storing.
#pragma once

#include <string>
#include <string_view>

namespace postern::mail {

std::string decode_base64(std::string_view text);
std::string decode_quoted_printable(std::string_view text);

// By the name of the encoding; 7bit, 8bit, binary and unknown ones give the bytes as they are.
std::string decode_transfer(std::string_view bytes, std::string_view encoding);

// Section 6.7, canonical: CRLF is a line end, everything else that a 7-bit way could change is escaped; no line is over 76.
std::string encode_quoted_printable(std::string_view bytes);

// RFC 2047 section 4.2.
std::string decode_q(std::string_view text);

} // namespace postern::mail
