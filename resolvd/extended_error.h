// Why a server could not answer, where it says so: extended DNS errors, RFC 8914. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::dns {

// `options`: the data of an OPT record (RFC 6891 section 6.1.2). In words what of the answer DNSSEC did not find true; nothing where it
// is not said that it was DNSSEC. Options that are cut or unknown are passed over: they only make an error clearer.
std::optional<std::string> validation_fault(std::string_view options);

} // namespace postern::dns
