// What fetch is asked for, as libcurl understands it: whoever is connected to is found by these parts, so nobody else may parse.
#pragma once

#include "libcommon/result.h"

#include <cstdint>
#include <string>

namespace postern::fetch {

struct Url {
    std::string text;                // without a fragment
    std::string host;                // a name of the DNS, in lower case
    std::uint16_t port = 443;
};
// https:// and a name. Addresses are refused, in all the ways they can be written: nothing that is fetched lives at one.
Result<Url> parse_url(const std::string& text);

} // namespace postern::fetch
