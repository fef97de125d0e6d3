// SASLprep, RFC 4013: one form for a password that keyboards compose in several ways, and none for one that could not
// be typed twice the same.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::authd {

// stored: what will be kept, without code points Unicode 3.2 had not assigned. query: what is compared with it (RFC 3454
// section 7).
enum class PrepFor { stored, query };

// Nothing when it is refused: not UTF-8, a control or other prohibited character, mixed directions, or nothing left.
std::optional<std::string> saslprep(std::string_view password, PrepFor use);

} // namespace postern::authd
