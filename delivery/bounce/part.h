// A body part of a report, and how its bytes are made fit to travel (RFC 2045 section 6).
#pragma once

#include "delivery/bounce/original.h"

#include <string>
#include <string_view>

namespace postern::bounce {

enum class Encoding : std::uint8_t { seven_bit, eight_bit, quoted_printable };

struct Part {
    std::string_view type;           // with its parameters
    std::string_view description;
    Encoding encoding = Encoding::seven_bit;
    std::string content;             // encoded

    std::string text() const;        // its header, an empty line, its content
};

// How a report goes: internationalized ones (RFC 6533) only to who can be addressed by nothing else. All others arrive
// everywhere, so what is not ASCII in them is encoded.
enum class Way : bool { ascii, utf8 };

// The human part, and the machine's (`fields`).
Part human_part(std::string text, Way way);
Part status_part(std::string fields, Way way);

// The message, or its header when there is no legal way to bring more: message/rfc822 cannot be encoded, so binary and over-long
// lines do not fit into it (RFC 2046 section 5.2.1). `smtputf8` is the message's.
Part returned_part(const Original& original, bool whole, bool smtputf8, Way way);

} // namespace postern::bounce
