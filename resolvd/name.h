// Names of the DNS as text and as bytes. Pure.
//
// Text is ASCII, lower case, without the last dot; the root is empty. A name with octets that need escapes (a dot within a label,
// a blank) is none of mail's and is not taken, from neither side: no two names look alike here.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace postern::dns {

constexpr std::size_t max_name = 253, max_label = 63;      // RFC 1035 section 2.3.4: 255 octets as bytes

// The one way we write a name; nothing if it is none.
std::optional<std::string> normal_name(std::string_view written);

// Of a normal name, uncompressed; `dice` has a bit for each octet of it that makes a letter upper case (0x20), or none.
std::string wire_name(std::string_view name, std::span<const unsigned char> dice = {});
std::optional<std::string> text_name(std::string_view wire);

} // namespace postern::dns
