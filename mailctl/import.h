// The file of `mailctl account import`: one account a line, its address and, after blanks, its password, or a hash
// that starts with "$argon2id$". The password is the rest of the line, blanks inside it included. Empty lines and
// those that start with "#" are skipped. Pure.
#pragma once

#include "libcommon/json.h"

#include <string_view>

namespace postern::mailctl {

constexpr std::size_t import_batch = 100;   // what the API takes at once

// Bodies of new accounts. Throws Failure with the line's number.
json::Array parse_import(std::string_view text);

} // namespace postern::mailctl
