// Small text tools that know no protocol: ASCII case, numbers, hex, base64, splitting. None depends on the
// locale, none allocates without need.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace postern {

char ascii_lower(char c);
std::string ascii_lower(std::string_view text);
std::string ascii_upper(std::string_view text);
bool iequals(std::string_view a, std::string_view b);                 // ASCII case only
bool istarts_with(std::string_view text, std::string_view prefix);
std::string_view trim(std::string_view text);                         // spaces and tabs
std::vector<std::string_view> split(std::string_view text, char separator);

// Digits only, no sign, no blanks; nothing when empty or over `max`.
std::optional<std::uint64_t> parse_number(std::string_view digits, std::uint64_t max = UINT64_MAX);

std::string to_hex(std::string_view bytes);
std::optional<std::string> from_hex(std::string_view hex);

// RFC 4648 section 4, strict: correct padding, no white space, no stray bits.
std::string to_base64(std::string_view bytes);
std::optional<std::string> from_base64(std::string_view text);

bool is_utf8(std::string_view text);   // RFC 3629: no overlong form, no surrogate

// Printable ASCII with everything else as \xNN, at most `limit` bytes of input: for logs and error texts.
std::string printable(std::string_view bytes, std::size_t limit = 200);

} // namespace postern
