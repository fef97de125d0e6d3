#include "delivery/bounce/part.h"

#include "libcommon/text.h"
#include "libmail/chars.h"
#include "libmail/transfer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace postern::bounce {
namespace {

constexpr std::size_t longest_line = 998;             // RFC 5322 section 2.1.1
constexpr std::size_t max_encoded = 448 * 1024;       // beside the other parts, in one frame

bool is_ascii(std::string_view text) { return std::none_of(text.begin(), text.end(), mail::is_eight_bit); }

// What 7bit and 8bit demand (RFC 2045 section 2.7): lines of 998 octets at most that end in CRLF; no NUL, no CR or LF alone.
bool has_legal_lines(std::string_view text) {
    std::size_t line = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text.substr(i, 2) == "\r\n") {
            line = 0;
            ++i;
        } else if (text[i] == '\r' || text[i] == '\n' || text[i] == '\0' || ++line > longest_line) {
            return false;
        }
    }
    return true;
}

// For a type that takes any encoding: as it is where the way lets it pass.
Part any_encoding(std::string_view type, std::string_view description, std::string content, Way way) {
    const bool ascii = is_ascii(content);
    if (has_legal_lines(content) && (ascii || way == Way::utf8))
        return {type, description, ascii ? Encoding::seven_bit : Encoding::eight_bit, std::move(content)};
    return {type, description, Encoding::quoted_printable, mail::encode_quoted_printable(content)};
}

// RFC 6532 section 3.7 for a message that is an internationalized one, RFC 6522 for all others; what is broken in a header goes
// back as it came.
bool is_global(const Original& original, bool smtputf8) {
    return smtputf8 && !is_ascii(original.header) && is_utf8(original.header);
}

Part header_part(const Original& original, bool smtputf8, Way way) {
    constexpr std::string_view description = "Header of the message";
    const std::string_view type = is_global(original, smtputf8) ? "message/global-headers" : "text/rfc822-headers";
    Part part = any_encoding(type, description, original.header, way);
    // Eight bits in a header that is not internationalized say nothing about their meaning: they go as bytes.
    if (part.encoding == Encoding::eight_bit && type == "text/rfc822-headers")
        return {type, description, Encoding::quoted_printable, mail::encode_quoted_printable(original.header)};
    return part;
}

} // namespace

std::string Part::text() const {
    constexpr std::string_view encodings[] = {"7bit", "8bit", "quoted-printable"};
    std::string out = fmt::format("Content-Type: {}\r\nContent-Description: {}\r\n", type, description);
    if (encoding != Encoding::seven_bit)
        fmt::format_to(std::back_inserter(out), "Content-Transfer-Encoding: {}\r\n", encodings[static_cast<std::size_t>(encoding)]);
    return out + "\r\n" + content;
}

Part human_part(std::string text, Way way) {
    const std::string_view type = is_ascii(text) ? "text/plain; charset=us-ascii" : "text/plain; charset=utf-8";
    return any_encoding(type, "What happened", std::move(text), way);
}

Part status_part(std::string fields, Way way) {
    const std::string_view type = way == Way::utf8 ? "message/global-delivery-status" : "message/delivery-status";
    return any_encoding(type, "The same for programs", std::move(fields), way);
}

Part returned_part(const Original& original, bool whole, bool smtputf8, Way way) {
    constexpr std::string_view description = "The message";
    const std::string& message = original.message;
    if (!whole || message.empty()) return header_part(original, smtputf8, way);
    if (is_global(original, smtputf8)) {
        Part part = any_encoding("message/global", description, message, way);
        return part.content.size() <= max_encoded ? std::move(part) : header_part(original, smtputf8, way);
    }
    if (!has_legal_lines(message)) return header_part(original, smtputf8, way);
    return {"message/rfc822", description, is_ascii(message) ? Encoding::seven_bit : Encoding::eight_bit, message};
}

} // namespace postern::bounce
